/* SPDX-License-Identifier: Apache-2.0
 * One decoder an answer: its cache is as long as prompt and answer can become, and no text of an
 * earlier question is left in it.
 * Read next: cli/speaker.h, the contract. */
#include "cli/speaker.h"
#include "base/file.h"
#include "base/mem.h"

static err has_tokenizer(const char *dir, bool *out) {
    char *path = path_join(dir, tokenizer_files[0]);
    if (!path) return ERR_MEMORY;
    *out = file_exists(path);
    mem_free(path);
    return ERR_OK;
}

err speaker_open(struct speaker *s, const struct speaker_options *o) {
    const char *dir = o->tokenizer_dir ? o->tokenizer_dir : o->model_dir;
    *s = (struct speaker){0};
    bool there;
    TRY(has_tokenizer(dir, &there));
    if (there || o->tokenizer_needed || o->tokenizer_dir) {
        err e = tokenizer_open(&s->tokenizer, dir);
        if (e) return fail_hint(e, "--tokenizer names a folder with tokenizer.model");
    }
    const struct loaded_options options = {.model_dir = o->model_dir,
                                           .adapter_dir = o->adapter_dir,
                                           .device = o->device,
                                           .tokenizer = s->tokenizer};
    err e = loaded_open(&s->loaded, &options);
    if (e) tokenizer_free(s->tokenizer);
    return e;
}

void speaker_close(struct speaker *s) {
    loaded_close(&s->loaded);
    tokenizer_free(s->tokenizer);
    *s = (struct speaker){0};
}

err speaker_answer(struct speaker *s, const struct speaker_call *call, struct tokens *out) {
    const int64_t room = s->loaded.model.config.max_positions - call->n_prompt;
    int64_t most = call->max_new_tokens;
    struct decoder *decoder;
    if (room < 1)
        return fail(ERR_RANGE,
                    "a prompt of %lld tokens leaves no room in the model's %lld positions",
                    (long long)call->n_prompt, (long long)s->loaded.model.config.max_positions);
    if (most > room) most = room;
    int32_t *ids = mem_alloc((size_t)most, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    struct generate_text text = {
        .prompt = call->prompt, .n_prompt = call->n_prompt, .max_new_tokens = most, .out = ids};
    err e = decoder_new(&decoder, &s->loaded.model,
                        &(struct decoder_options){1, call->n_prompt + most, call->isolate});
    if (!e) {
        e = generate(decoder, &text, 1, &call->generate);
        if (!e) e = tokens_append(out, ids, text.n_out);
        decoder_free(decoder);
    }
    mem_free(ids);
    return e;
}
