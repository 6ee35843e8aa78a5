/* SPDX-License-Identifier: Apache-2.0
 * Agreement between the files of a release (release/agree.h), from lists and hashes to meaning.
 * What is compared was written by a stranger: a member that is missing is an error, never a crash.
 * Read next: release/card.c, release/statement.c. */
#include "release/agree.h"
#include "adapters/adapter.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/digest.h"
#include "eval/report.h"
#include "recipes/recipe.h"
#include "release/card.h"
#include "release/files.h"
#include "release/gguf.h"
#include "release/manifest.h"
#include "release/names.h"
#include "release/seal.h"
#include "release/sources.h"
#include "release/statement.h"
#include "release/steps.h"
#include <string.h>

/* Before any path of the manifest is used: whether each may be. */
static err check_paths(json_t *files) {
    struct name_list names = {mem_alloc(json_array_size(files) + 1, sizeof(char *)), 0};
    json_t *row = NULL;
    size_t i = 0;
    err result = names.names == NULL ? ERR_MEMORY : ERR_OK;
    json_array_foreach(files, i, row) {
        const char *path = NULL;
        if (result == ERR_OK) result = json_need_string(row, "path", &path);
        if (result == ERR_OK) names.names[names.n++] = (char *)path;
    }
    if (result == ERR_OK) result = release_names_check(&names);
    mem_free(names.names);
    return fail_in(result, "'%s'", SEAL_MANIFEST);
}

/* What a release cannot do without, whatever its manifest lists. */
static err check_needed(const struct seal *s) {
    for (size_t i = 0; i < n_release_files; i++) {
        const struct release_file *f = &release_files[i];
        bool listed = f->part == RELEASE_HASHED || f->part == RELEASE_APART;
        if (f->needed && listed && seal_find(s, f->path) == NULL)
            return fail(ERR_GATE, "'%s' is missing", f->path);
    }
    return ERR_OK;
}

static bool is_apart(const char *path) {
    return release_part_of(path) == RELEASE_APART;
}

static err check_apart(const json_t *manifest, int64_t n_apart) {
    json_t *apart = NULL, *item = NULL;
    size_t i = 0;
    TRY(json_need_array(manifest, "apart", &apart));
    bool same = (int64_t)json_array_size(apart) == n_apart;
    json_array_foreach(apart, i, item) same =
        same && json_is_string(item) && is_apart(json_string_value(item));
    if (same) return ERR_OK;
    return fail(ERR_GATE, "'%s': 'apart' is not what this version keeps apart", SEAL_MANIFEST);
}

/* The manifest's list of files against SHA256SUMS, both ways: they differ by the manifest itself
 * and the files apart. */
err agree_list(const json_t *manifest, const struct seal *s) {
    json_t *files = NULL, *row = NULL;
    size_t i = 0;
    int64_t n_apart = 0;
    TRY(check_needed(s));
    TRY(json_need_array(manifest, "files", &files));
    TRY(check_paths(files));
    json_array_foreach(files, i, row) {
        const char *path = NULL, *hash = NULL;
        TRY(json_need_string(row, "path", &path));
        TRY(json_need_string(row, "sha256", &hash));
        const struct seal_line *line = seal_find(s, path);
        if (line == NULL || strcmp(line->hash, hash) != 0)
            return fail(ERR_GATE, "'%s' is not the file that '%s' lists", path, SEAL_MANIFEST);
        if (is_apart(path) || strcmp(path, SEAL_MANIFEST) == 0)
            return fail(ERR_GATE, "'%s' must not be listed in '%s'", path, SEAL_MANIFEST);
    }
    for (int64_t k = 0; k < s->n_lines; k++) n_apart += is_apart(s->lines[k].path);
    TRY(check_apart(manifest, n_apart));
    if ((int64_t)json_array_size(files) + n_apart + 1 != s->n_lines)
        return fail(ERR_GATE, "'%s' does not list every file of the release", SEAL_MANIFEST);
    return ERR_OK;
}

/* The text of the key `cotrain` of a recipe. */
static err read_recipe_version(const struct str *text, struct arena *arena, const char **out) {
    struct recipe_faults faults = {0};
    struct recipe_node *top = NULL;
    TRY(yaml_read(str_text(text), text->len, PACK_RECIPE, arena, &faults, &top));
    if (top == NULL || faults.n > 0) return recipe_faults_err(&faults);
    const struct recipe_node *node = top->kind == NODE_MAP ? node_find(top, "cotrain") : NULL;
    if (node == NULL || node->kind != NODE_TEXT) return fail(ERR_PARSE, "no key 'cotrain'");
    *out = node->text;
    return ERR_OK;
}

/* A recipe's keys may mean something else in another version of the format. */
err agree_recipe(const char *dir) {
    struct arena arena = {0};
    struct str text = {0};
    const char *version = NULL;
    int64_t number = 0;
    char *path = path_join(dir, PACK_RECIPE);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, YAML_MAX_BYTES, &text);
    if (result == ERR_OK) result = read_recipe_version(&text, &arena, &version);
    if (result == ERR_OK &&
        (str_to_int64(version, &number) != ERR_OK || number != RECIPE_VERSION)) {
        result = fail(ERR_GATE, "recipe format '%.40s' is not known; this program reads %d",
                      version, RECIPE_VERSION);
        if (number > RECIPE_VERSION) result = fail_hint(result, "use a newer cotrain");
    }
    arena_release(&arena);
    str_release(&text);
    mem_free(path);
    return fail_in(result, "'%s'", PACK_RECIPE);
}

static err same(const char *key, const char *stated, const char *found) {
    if (strcmp(stated, found) == 0) return ERR_OK;
    return fail(ERR_GATE, "'%s': the chain's '%s' is not the hash of what is in the release",
                SEAL_MANIFEST, key);
}

static err check_chain_files(const json_t *chain, const struct seal *s) {
    static const struct {
        const char *key, *path;
    } files[] = {{"recipe", PACK_RECIPE},
                 {"dataset", PACK_DATA},
                 {"eval_before", PACK_BEFORE},
                 {"eval_after", PACK_AFTER}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *stated = NULL;
        const struct seal_line *line = seal_find(s, files[i].path);
        if (line == NULL) return fail(ERR_GATE, "'%s' is missing", files[i].path);
        TRY(json_need_string(chain, files[i].key, &stated));
        TRY(same(files[i].key, stated, line->hash));
    }
    return ERR_OK;
}

err agree_chain(const json_t *manifest, const struct seal *s, const char *dir) {
    char hash[SHA256_HEX_SIZE];
    const char *stated = NULL;
    json_t *chain = NULL;
    TRY(json_need_object(manifest, "chain", &chain));
    TRY(manifest_requests_hash(manifest, hash));
    TRY(json_need_string(chain, "requests", &stated));
    TRY(same("requests", stated, hash));
    TRY(check_chain_files(chain, s));
    TRY(digest_model(dir, hash));
    TRY(json_need_string(chain, "merged", &stated));
    TRY(same("merged", stated, hash));
    stated = json_string_value(json_object_get(chain, "adapter"));
    if (stated == NULL) return ERR_OK;
    char *adapter = path_join(dir, PACK_ADAPTER);
    if (adapter == NULL) return ERR_MEMORY;
    err result = digest_adapter(adapter, hash);
    mem_free(adapter);
    TRY(result);
    return same("adapter", stated, hash);
}

static err check_subject(const json_t *report, const json_t *chain, const char *key) {
    const char *measured =
        json_string_value(json_object_get(json_object_get(report, "subject"), "model"));
    const char *stated = NULL;
    TRY(json_need_string(chain, key, &stated));
    if (measured != NULL && strcmp(measured, stated) == 0) return ERR_OK;
    return fail(ERR_GATE, "an evaluation report is not of the model that the chain calls '%s'",
                key);
}

static err check_card(const json_t *manifest, const json_t *before, const json_t *after,
                      const char *dir, bool *out_whole) {
    const json_t *chain = json_object_get(manifest, "chain");
    struct str card = {0};
    TRY(check_subject(before, chain, "base_model"));
    TRY(check_subject(after, chain, "merged"));
    err result = card_read(dir, "README.md", &card);
    const struct card_claims claims = {str_text(&card), manifest, before, after};
    if (result == ERR_OK) result = card_check(&claims, out_whole);
    str_release(&card);
    return result;
}

err agree_card(const json_t *manifest, const char *dir, bool *out_whole) {
    json_t *before = NULL, *after = NULL;
    err result = release_read_json(dir, PACK_BEFORE, report_read, &before);
    if (result == ERR_OK) result = release_read_json(dir, PACK_AFTER, report_read, &after);
    if (result == ERR_OK) result = check_card(manifest, before, after, dir, out_whole);
    json_decref(before);
    json_decref(after);
    return result;
}

static err open_adapter(struct model *m, const char *dir) {
    struct adapter *adapter = NULL;
    char *path = path_join(dir, PACK_ADAPTER);
    err result = path == NULL ? ERR_MEMORY : adapter_open(&adapter, m, path);
    adapter_free(adapter);
    mem_free(path);
    return result;
}

/* Opening is what checks them. */
static err open_model(const json_t *manifest, const char *dir, struct compute *compute) {
    struct model model = {0};
    TRY(model_open(&model, dir, compute));
    err result = ERR_OK;
    if (json_is_string(json_object_get(json_object_get(manifest, "chain"), "adapter")))
        result = open_adapter(&model, dir);
    model_close(&model);
    return result;
}

static err open_format(const char *dir, const char *name, struct compute *compute) {
    struct model model = {0};
    char *path = path_join(dir, name);
    err result = path == NULL ? ERR_MEMORY : model_open(&model, path, compute);
    if (result == ERR_OK) model_close(&model);
    mem_free(path);
    return result;
}

static err open_formats(const json_t *manifest, const struct seal *s, const char *dir,
                        struct compute *compute) {
    json_t *formats = release_formats_measured(manifest), *one = NULL;
    const char *key = NULL;
    struct name_list names = {0};
    struct str path = {0};
    err result = ERR_OK;
    json_object_foreach(formats, key, one) {
        str_clear(&path);
        if (result == ERR_OK) result = release_gguf_path(key, manifest, &path);
        if (result == ERR_OK && seal_find(s, str_text(&path)) == NULL)
            result = fail(ERR_GATE, "'%s' is missing", str_text(&path));
        if (result == ERR_OK) result = open_format(dir, str_text(&path), compute);
        if (result == ERR_OK) result = name_list_add(&names, str_text(&path));
    }
    name_list_sort(&names);
    for (int64_t i = 0; i < s->n_lines && result == ERR_OK; i++)
        if (str_starts(s->lines[i].path, RELEASE_GGUF "/") &&
            !name_list_has(&names, s->lines[i].path))
            result = fail(ERR_GATE, "'%s' is no format that was measured when it was packed",
                          s->lines[i].path);
    name_list_release(&names);
    str_release(&path);
    return result;
}

err agree_tensors(const json_t *manifest, const struct seal *s, const char *dir) {
    struct compute compute = {0};
    TRY(compute_open(&compute, "cpu"));
    err result = open_model(manifest, dir, &compute);
    if (result == ERR_OK) result = open_formats(manifest, s, dir, &compute);
    compute_close(&compute);
    return result;
}

static const char *sum_of(void *ctx, const char *path) {
    const struct seal_line *line = seal_find(ctx, path);
    return line != NULL ? line->hash : NULL;
}

err agree_sources(const struct seal *s, const char *dir) {
    json_t *sources = NULL;
    if (seal_find(s, PACK_SOURCES) == NULL) return ERR_OK;
    TRY(sources_read(dir, &sources));
    err result = sources_agree(sources, sum_of, (void *)s);
    json_decref(sources);
    return result;
}

/* Which step's model was kept, against what the records say. */
static err check_choice(const json_t *manifest, const struct steps_found *found) {
    json_t *choice = json_object_get(manifest, "choice");
    int64_t best = 0, kept = 0;
    if (choice == NULL && found->best_step == 0) return ERR_OK;
    if (choice == NULL)
        return fail(ERR_GATE, "evaluations decided something, and the manifest has no 'choice'");
    TRY(json_need_int(choice, "best_step", &best));
    TRY(json_need_int(choice, "kept_step", &kept));
    if (best == found->best_step && (kept == best || kept == found->n_steps)) return ERR_OK;
    return fail(ERR_GATE,
                "the manifest keeps step %lld, the best being %lld; here %lld is the best and %lld "
                "the last",
                (long long)kept, (long long)best, (long long)found->best_step,
                (long long)found->n_steps);
}

err agree_steps(const json_t *manifest, const char *dir, int64_t *out_steps) {
    const char *training = NULL;
    struct steps_found found = {0};
    char *path = path_join(dir, PACK_LOG);
    if (path == NULL) return ERR_MEMORY;
    err result = json_need_string(json_object_get(manifest, "chain"), "training", &training);
    if (result == ERR_OK) result = steps_check(path, training, &found);
    if (result == ERR_OK) result = check_choice(manifest, &found);
    *out_steps = found.n_steps;
    mem_free(path);
    return fail_in(result, "'%s'", PACK_LOG);
}

err agree_statement(const json_t *manifest, const char *release, const char *dir,
                    struct str *out_statement, struct str *out_version) {
    json_t *dataset = NULL;
    TRY(release_read_json(dir, PACK_DATA, json_parse_file, &dataset));
    const struct statement_source from = {
        .manifest = manifest, .dataset = dataset, .release = release};
    err result = statement_check(dir, &from, out_statement, out_version);
    json_decref(dataset);
    return result;
}
