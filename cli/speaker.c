/* SPDX-License-Identifier: Apache-2.0
 * One decoder a call: its cache is as long as the longest prompt and answer can become, and no text
 * of an earlier question is left in it.
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

/* How long each answer may become, and the longest prompt and answer together. */
static err limit_texts(const struct speaker *s, struct generate_text *texts, int64_t n_texts,
                       int64_t max_new_tokens, int64_t *longest) {
    const int64_t positions = s->loaded.model.config.max_positions;
    *longest = 0;
    for (int64_t i = 0; i < n_texts; i++) {
        const int64_t room = positions - texts[i].n_prompt;
        if (room < 1)
            return fail(ERR_RANGE,
                        "a prompt of %lld tokens leaves no room in the model's %lld positions",
                        (long long)texts[i].n_prompt, (long long)positions);
        texts[i].max_new_tokens = max_new_tokens < room ? max_new_tokens : room;
        const int64_t all = texts[i].n_prompt + texts[i].max_new_tokens;
        if (all > *longest) *longest = all;
    }
    return ERR_OK;
}

err speaker_generate(struct speaker *s, struct generate_text *texts, int64_t n_texts,
                     const struct speaker_call *call, int32_t **out_ids) {
    struct decoder *decoder;
    int64_t longest, most = 0, at = 0;
    *out_ids = NULL;
    TRY(limit_texts(s, texts, n_texts, call->max_new_tokens, &longest));
    for (int64_t i = 0; i < n_texts; i++) most += texts[i].max_new_tokens;
    *out_ids = mem_alloc((size_t)most, sizeof **out_ids);
    if (!*out_ids) return ERR_MEMORY;
    for (int64_t i = 0; i < n_texts; at += texts[i++].max_new_tokens) texts[i].out = *out_ids + at;
    const struct decoder_options shape = {.n_texts = n_texts < call->batch_size ? n_texts
                                                                                : call->batch_size,
                                          .max_tokens = longest,
                                          .isolate = call->isolate};
    TRY(decoder_new(&decoder, &s->loaded.model, &shape));
    err e = generate(decoder, texts, n_texts, &call->generate);
    decoder_free(decoder);
    return e;
}
