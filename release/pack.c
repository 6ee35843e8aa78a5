/* SPDX-License-Identifier: Apache-2.0
 * Packing (release/pack.h): everything is copied and written into a temporary folder beside the
 * target, checked there, sealed, and then put in place with one rename.
 * Read next: release/manifest.c, release/card.c, release/loadable.c, release/check.c. */
#include "release/pack.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/digest.h"
#include "eval/report.h"
#include "release/base.h"
#include "release/card.h"
#include "release/check.h"
#include "release/data_card.h"
#include "release/files.h"
#include "release/gguf.h"
#include "release/golden.h"
#include "release/ledger.h"
#include "release/loadable.h"
#include "release/manifest.h"
#include "release/names.h"
#include "release/parity.h"
#include "release/previous.h"
#include "release/seal.h"
#include "release/states.h"
#include "release/statement.h"
#include <string.h>

struct packing {
    const struct release_pack *inputs;
    const char *dir; /* the temporary folder */
    json_t *manifest, *before, *after;
    json_t *dataset, *ledger; /* the dataset's manifest, and what its rows are under */
};

/* A file into the folder, with the sub-folder it stands in. */
static err put_file(const char *dir, const char *from, const char *name) {
    char *to = path_join(dir, name), *parent = to != NULL ? path_dir(to) : NULL;
    err result = parent == NULL ? ERR_MEMORY : dir_make(parent);
    if (result == ERR_OK) result = file_copy(from, to);
    mem_free(parent);
    mem_free(to);
    return result;
}

static err put_text(const char *dir, const char *text, size_t n, const char *name) {
    char *to = path_join(dir, name), *parent = to != NULL ? path_dir(to) : NULL;
    err result = parent == NULL ? ERR_MEMORY : dir_make(parent);
    if (result == ERR_OK) result = file_write(to, text, n);
    mem_free(parent);
    mem_free(to);
    return result;
}

/* What a model's folder has of another release's files: a base may be a release itself. */
static bool stays_behind(const char *name) {
    const struct release_file *f = release_file_of(name);
    return f != NULL && f->origin != RELEASE_MODEL;
}

static err put_folder(const char *dir, const char *from, const char *below) {
    struct name_list names = {0};
    err result = dir_walk(from, &names);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++) {
        if (below[0] == '\0' && stays_behind(names.names[i])) continue;
        char *source = path_join(from, names.names[i]);
        char *name = path_join(below, names.names[i]);
        result = source == NULL || name == NULL ? ERR_MEMORY : put_file(dir, source, name);
        mem_free(source);
        mem_free(name);
    }
    name_list_release(&names);
    return result;
}

static err put_loadable(const struct packing *k) {
    struct tokenizer *t = NULL;
    struct model_config config = {0};
    char *path = path_join(k->dir, "config.json");
    if (path == NULL) return ERR_MEMORY;
    err result = model_config_read(&config, path);
    mem_free(path);
    TRY(result);
    result = tokenizer_open(&t, k->dir);
    if (result == ERR_OK) result = loadable_write(k->dir, t, &config);
    tokenizer_free(t);
    model_config_release(&config);
    return result;
}

/* The copy that a line of release/files.def asks for; `base` is the path its member holds. */
static err put_line(const struct packing *k, const struct release_file *f, const char *base) {
    char *from = f->below[0] != '\0' ? path_join(base, f->below) : mem_strdup(base);
    err result = from == NULL ? ERR_MEMORY : ERR_OK;
    if (result == ERR_OK && (f->needed || file_exists(from)))
        result = release_file_is_folder(f) ? put_folder(k->dir, from, f->path)
                                           : put_file(k->dir, from, f->path);
    mem_free(from);
    return result;
}

static err put_lines(const struct packing *k) {
    for (size_t i = 0; i < n_release_files; i++) {
        const struct release_file *f = &release_files[i];
        const char *base = NULL;
        if (f->origin != RELEASE_FROM) continue;
        memcpy(&base, (const char *)k->inputs + f->member, sizeof base);
        if (base != NULL) TRY(put_line(k, f, base));
    }
    return ERR_OK;
}

/* The recipe's other formats of the model that lies in the folder. */
static err put_formats(const struct packing *k) {
    const struct opt_list *formats = &k->inputs->options->formats;
    for (int64_t i = 0; i < formats->n; i++)
        TRY(release_gguf_write(formats->items[i], k->dir, k->manifest, k->dataset));
    return ERR_OK;
}

static err read_data(struct packing *k) {
    char *path = path_join(k->inputs->dataset_dir, "manifest.json");
    err result = path == NULL ? ERR_MEMORY : json_parse_file(path, &k->dataset);
    if (result == ERR_OK) result = ledger_make(k->inputs->dataset_dir, &k->ledger);
    mem_free(path);
    return result;
}

static err put_changelog(const struct packing *k) {
    struct changelog from = {.manifest = k->manifest, .dataset = k->dataset};
    json_t *previous = NULL;
    struct str text = {0}, kept = {0};
    if (k->inputs->previous_dir != NULL)
        TRY(previous_make(k->inputs->previous_dir, k->dir, k->after, &previous));
    else if (k->inputs->previous_of != NULL)
        TRY(previous_read(k->inputs->previous_of, &previous));
    if (previous == NULL) return ERR_OK;
    from.previous = previous;
    err result = json_text(previous, JSON_TEXT_PRETTY, &kept);
    if (result == ERR_OK) result = put_text(k->dir, kept.data, kept.len, PREVIOUS_FILE);
    if (result == ERR_OK) result = changelog_write(&from, &text);
    if (result == ERR_OK) result = put_text(k->dir, text.data, text.len, CHANGELOG_FILE);
    str_release(&text);
    str_release(&kept);
    json_decref(previous);
    return result;
}

static err put_data_card(const struct packing *k) {
    const struct data_card from = {k->manifest, k->dataset, k->ledger};
    struct str card = {0}, ledger = {0};
    err result = json_text(k->ledger, JSON_TEXT_PRETTY, &ledger);
    if (result == ERR_OK) result = put_text(k->dir, ledger.data, ledger.len, LEDGER_FILE);
    if (result == ERR_OK) result = data_card_write(&from, &card);
    if (result == ERR_OK) result = put_text(k->dir, card.data, card.len, DATA_CARD_FILE);
    str_release(&card);
    str_release(&ledger);
    return result;
}

static err report_is_of(const json_t *report, const char *model_dir, const char *which) {
    char digest[SHA256_HEX_SIZE];
    json_t *subject = NULL;
    const char *measured = NULL;
    TRY(digest_model(model_dir, digest));
    TRY(json_need_object(report, "subject", &subject));
    TRY(json_need_string(subject, "model", &measured));
    if (strcmp(measured, digest) == 0 && !json_is_string(json_object_get(subject, "adapter")))
        return ERR_OK;
    return fail(ERR_MISMATCH, "the evaluation %s is not of the model in '%s'", which, model_dir);
}

static err put_card(const struct packing *k) {
    struct str card = {0};
    err result = card_write(k->manifest, k->before, k->after, &card);
    if (result == ERR_OK) result = put_text(k->dir, card.data, card.len, "README.md");
    str_release(&card);
    return result;
}

static err run_parity(const struct packing *k, json_t **out) {
    const struct release_pack *p = k->inputs;
    char *adapter = path_join(k->dir, PACK_ADAPTER);
    if (adapter == NULL) return ERR_MEMORY;
    err result =
        release_parity(&(struct release_parity){.trained_dir = p->merged_dir,
                                                .base_dir = p->base_dir,
                                                .adapter_dir = p->adapter_dir ? adapter : NULL,
                                                .packed_dir = k->dir,
                                                .manifest = k->manifest,
                                                .formats = &p->options->formats,
                                                .requests = p->requests,
                                                .dataset_dir = p->dataset_dir},
                       out);
    mem_free(adapter);
    return result;
}

static err run_checks(const struct packing *k) {
    struct release_check check = {.base_dir = k->inputs->base_dir,
                                  .adapter_dir = k->inputs->adapter_dir,
                                  .packed_dir = k->dir,
                                  .requests = k->inputs->requests,
                                  .dataset_dir = k->inputs->dataset_dir,
                                  .after = k->after};
    json_t *measured = NULL, *parity = NULL;
    TRY(run_parity(k, &parity));
    err result = release_check(&check, &measured);
    if (result == ERR_OK) result = json_put(k->manifest, "checks", measured);
    if (result == ERR_OK) return json_put(measured, "golden", parity);
    json_decref(parity);
    return result;
}

static err fill(struct packing *k) {
    const struct release_pack *p = k->inputs;
    TRY(report_read(p->before_path, &k->before));
    TRY(report_read(p->after_path, &k->after));
    TRY(report_is_of(k->before, p->base_dir, "before"));
    TRY(report_is_of(k->after, p->merged_dir, "after"));
    TRY(read_data(k));
    TRY(put_folder(k->dir, p->merged_dir, ""));
    TRY(put_lines(k));
    TRY(put_loadable(k));
    TRY(put_text(k->dir, p->recipe_text, strlen(p->recipe_text), PACK_RECIPE));
    if (p->inputs != NULL) TRY(sources_pack(p->inputs, k->dir));
    TRY(states_pack(p->train_dir, p->options->state_steps, k->dir));
    TRY(manifest_new(p, &k->manifest));
    TRY(put_formats(k));
    TRY(put_data_card(k));
    TRY(put_changelog(k));
    TRY(run_checks(k));
    TRY(put_card(k));
    TRY(manifest_write(k->manifest, k->dir));
    return statement_write(k->dir, k->manifest);
}

/* Signed as it lies there, before it is put in place. What replaces a release of the same sums
 * keeps its signatures. */
static err sign(const struct packing *k, const char *out_dir) {
    TRY(release_sign(k->dir, k->inputs->keys));
    return k->inputs->replace ? release_keep_signatures(out_dir, k->dir) : ERR_OK;
}

err release_place_check(const char *out_dir, bool replace) {
    if (!file_exists(out_dir)) return ERR_OK;
    char *seal = path_join(out_dir, SEAL_RELEASE);
    if (seal == NULL) return ERR_MEMORY;
    bool is_release = dir_exists(out_dir) && file_exists(seal);
    mem_free(seal);
    if (replace && is_release) return ERR_OK;
    fail(ERR_EXISTS, "'%s' exists already", out_dir);
    return fail_hint(ERR_EXISTS, is_release
                                     ? "name another folder, or remove that release first"
                                     : "it is no release, so it is left alone: move it away");
}

err release_pack(const struct release_pack *p, const char *out_dir,
                 char out_hash[SHA256_HEX_SIZE]) {
    struct str temporary = {0};
    TRY(release_place_check(out_dir, p->replace));
    TRY(release_title_check(p->options->name));
    TRY(release_formats_check(&p->options->formats));
    TRY(release_base_check(p->base_dir));
    TRY(release_keys_check_unattended(p->keys));
    err result = str_printf(&temporary, "%s.tmp-pack", out_dir);
    struct packing k = {.inputs = p, .dir = str_text(&temporary)};
    if (result == ERR_OK) result = dir_remove(k.dir);
    if (result == ERR_OK) result = dir_make(k.dir);
    if (result == ERR_OK) result = fill(&k);
    if (result == ERR_OK) result = seal_write(k.dir, out_hash);
    if (result == ERR_OK) result = sign(&k, out_dir);
    if (result == ERR_OK) result = dir_commit(k.dir, out_dir);
    json_decref(k.manifest);
    json_decref(k.before);
    json_decref(k.after);
    json_decref(k.dataset);
    json_decref(k.ledger);
    if (result != ERR_OK) result = dir_give_up(fail_in(result, "release '%s'", out_dir), k.dir);
    str_release(&temporary);
    return result;
}
