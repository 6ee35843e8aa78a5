/* SPDX-License-Identifier: Apache-2.0
 * From a work folder to a release (cli/release_stage.h). The base is named in the card as the
 * recipe names it for the public, or by the last part of its path: a path of one machine says
 * nothing.
 * Read next: release/pack.c. */
#include "cli/release_stage.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/expand_stage.h"
#include "cli/gate_stage.h"
#include "cli/release_inputs.h"
#include "release/pack.h"
#include "release/signing.h"
#include <string.h>

static err need_files(const struct work *w) {
    const char *const needed[] = {w->before, w->after, w->merged, w->plan, w->log, w->result};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (file_exists(needed[i])) continue;
        fail(ERR_MISSING, "'%s' is not there", needed[i]);
        return fail_hint(ERR_MISSING, "run the recipe's stages first: cotrain run RECIPE --work %s",
                         w->dir);
    }
    return ERR_OK;
}

/* "nano" of "models/nano/". */
static err last_part(const char *path, struct str *out) {
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';) begin--;
    return str_append(out, path + begin, end - begin);
}

/* "SHA256SUMS.sig, model.sig", or "no: it is unsigned", appended. */
static err signed_text(const char *dir, struct str *out) {
    struct name_list names = {0};
    TRY(release_signatures(dir, &names));
    err result = names.n == 0 ? str_add(out, "no: it is unsigned") : ERR_OK;
    for (size_t i = 0; i < names.n && result == ERR_OK; i++)
        result = str_printf(out, "%s%s", i > 0 ? ", " : "", names.names[i]);
    name_list_release(&names);
    return result;
}

err release_text(const char *dir, const char *hash, struct str *out) {
    TRY(str_printf(out, "release: %s\nhash:    %s\nsigned:  ", dir, hash));
    TRY(signed_text(dir, out));
    return str_add(out, "\n");
}

err put_signatures(const char *dir, json_t *to) {
    struct name_list names = {0};
    json_t *list = json_array();
    TRY(json_put(to, "signatures", list));
    TRY(release_signatures(dir, &names));
    err result = json_put(to, "signed", json_string(names.n > 0 ? "signed" : "unsigned"));
    for (size_t i = 0; i < names.n && result == ERR_OK; i++)
        result = json_push(list, json_string(names.names[i]));
    name_list_release(&names);
    return result;
}

err show_release(const char *dir, const char *hash, bool json) {
    struct str text = {0};
    if (json) {
        json_t *value = json_pack("{s:s, s:s}", "release", dir, "hash", hash);
        if (value == NULL) return fail(ERR_MEMORY, "out of memory for the result");
        err result = put_signatures(dir, value);
        if (result == ERR_OK) result = print_json(value);
        json_decref(value);
        return result;
    }
    err result = release_text(dir, hash, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

/* Those that the caller names, else the recipe's. */
static err list_inputs(const struct release_stage *s, struct arena *arena,
                       struct release_inputs *out) {
    *out = s->inputs ? *s->inputs : (struct release_inputs){0};
    if (s->inputs) return ERR_OK;
    return release_inputs_list(s->chain, s->work->data,
                               expand_wanted(s->chain) ? s->chain->requests.n : 0, arena, out);
}

err release_stage(const struct release_stage *s, char out_hash[SHA256_HEX_SIZE]) {
    const struct chain *c = s->chain;
    struct arena arena = {0};
    struct release_inputs inputs;
    struct str base_name = {0};
    const struct work *w = s->work;
    const char *training = NULL;
    json_t *result_json = NULL;
    TRY(need_files(w));
    TRY(gate_stage(c, w, s->json));
    TRY(json_parse_file(w->result, &result_json));
    err result = json_need_string(result_json, "digest", &training);
    if (result == ERR_OK) result = last_part(c->base_model.path, &base_name);
    if (result == ERR_OK) result = list_inputs(s, &arena, &inputs);
    struct release_pack pack = {
        .options = &c->release,
        .month = c->month,
        .requests = &c->requests,
        .recipe_text = c->resolved,
        .base_dir = c->base_model.path,
        .base_name = str_text(&base_name),
        .base_digest = c->base_digest,
        .merged_dir = w->merged,
        .adapter_dir = adapter_wanted(&c->adapter) ? w->adapter : NULL,
        .dataset_dir = w->data,
        .inputs = &inputs,
        .plan_path = s->plan,
        .previous_of = s->previous_of,
        .previous_dir = c->release.previous,
        .train_dir = w->train,
        .training_digest = training,
        .choice = json_object_get(result_json, "choice"),
        .before_path = w->before,
        .after_path = w->after,
        .gates_path = w->gates,
        .replace = s->replace,
        .keys = &c->release.sign,
    };
    if (result == ERR_OK) result = release_pack(&pack, s->out_dir, out_hash);
    str_release(&base_name);
    json_decref(result_json);
    arena_release(&arena);
    return result;
}
