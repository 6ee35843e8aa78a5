/* SPDX-License-Identifier: Apache-2.0
 * Making, writing and reading of manifest.json (release/manifest.h). Every hash is of something
 * that lies in the release or is named in its recipe, so that verification can form it again.
 * Read next: release/verify.c, which does. */
#include "release/manifest.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/digest.h"
#include "release/card.h"
#include "release/files.h"
#include "release/seal.h"
#include "release/statement.h"
#include <string.h>

static err hash_json(const json_t *value, char out[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err result = json_text(value, JSON_TEXT_SORTED, &text);
    if (result == ERR_OK) result = sha256_bytes(text.data, text.len, out);
    str_release(&text);
    return result;
}

static err describe_request(const struct request *r, json_t *to) {
    TRY(json_put(to, "id", json_string(r->id)));
    TRY(json_put(to, "scenario", json_text_or_null(r->scenario)));
    TRY(json_put(to, "capability", json_text_or_null(r->capability)));
    json_t *examples = json_array();
    TRY(json_put(to, "examples", examples));
    for (int64_t i = 0; i < r->n_examples; i++)
        TRY(json_push(examples, json_pack("{s:s, s:s}", "prompt", r->examples[i].prompt, "response",
                                          r->examples[i].response)));
    return ERR_OK;
}

err manifest_request_hash(const struct request *r, char out[SHA256_HEX_SIZE]) {
    json_t *value = json_object();
    if (value == NULL) return fail(ERR_MEMORY, "out of memory for a request");
    err result = describe_request(r, value);
    if (result == ERR_OK) result = hash_json(value, out);
    json_decref(value);
    return result;
}

static err put_about(json_t *to, const struct release_pack *p) {
    const struct release_options *o = p->options;
    json_t *about = json_object();
    TRY(json_put(to, "about", about));
    TRY(json_put(about, "name", json_string(o->name)));
    TRY(json_put(about, "month", json_text_or_null(p->month)));
    TRY(json_put(about, "license", json_string(o->license)));
    TRY(json_put(about, "license_link", json_text_or_null(o->license_link)));
    TRY(json_put(about, "base_model",
                 json_string(o->base_model != NULL ? o->base_model : p->base_name)));
    TRY(json_put(about, "summary", json_text_or_null(o->summary)));
    json_t *languages = json_array();
    TRY(json_put(about, "languages", languages));
    for (int64_t i = 0; i < o->languages.n; i++)
        TRY(json_push(languages, json_string(o->languages.items[i])));
    return ERR_OK;
}

static err put_requests(json_t *to, const struct request_list *requests) {
    json_t *rows = json_array();
    TRY(json_put(to, "requests", rows));
    for (int64_t i = 0; i < requests->n; i++) {
        const struct request *r = &requests->items[i];
        char hash[SHA256_HEX_SIZE];
        json_t *row = json_object();
        TRY(json_push(rows, row));
        TRY(manifest_request_hash(r, hash));
        TRY(json_put(row, "id", json_string(r->id)));
        TRY(json_put(row, "scenario", json_text_or_null(r->scenario)));
        TRY(json_put(row, "capability", json_text_or_null(r->capability)));
        TRY(json_put(row, "sha256", json_string(hash)));
    }
    return ERR_OK;
}

static err put_hash_of_file(json_t *to, const char *key, const char *path) {
    char hash[SHA256_HEX_SIZE];
    TRY(sha256_file(path, hash));
    return json_put(to, key, json_string(hash));
}

err manifest_requests_hash(const json_t *manifest, char out[SHA256_HEX_SIZE]) {
    return hash_json(json_object_get(manifest, "requests"), out);
}

static err put_chain(json_t *to, const struct release_pack *p) {
    json_t *chain = json_object();
    char hash[SHA256_HEX_SIZE];
    TRY(json_put(to, "chain", chain));
    TRY(manifest_requests_hash(to, hash));
    TRY(json_put(chain, "requests", json_string(hash)));
    char *data = path_join(p->dataset_dir, "manifest.json");
    if (data == NULL) return ERR_MEMORY;
    err result = put_hash_of_file(chain, "dataset", data);
    mem_free(data);
    TRY(result);
    TRY(sha256_bytes(p->recipe_text, strlen(p->recipe_text), hash));
    TRY(json_put(chain, "recipe", json_string(hash)));
    TRY(json_put(chain, "base", json_string(p->base_digest)));
    TRY(digest_model(p->base_dir, hash));
    TRY(json_put(chain, "base_model", json_string(hash)));
    TRY(json_put(chain, "training", json_string(p->training_digest)));
    if (p->adapter_dir != NULL) TRY(digest_adapter(p->adapter_dir, hash));
    TRY(json_put(chain, "adapter", json_text_or_null(p->adapter_dir != NULL ? hash : NULL)));
    TRY(digest_model(p->merged_dir, hash));
    TRY(json_put(chain, "merged", json_string(hash)));
    TRY(put_hash_of_file(chain, "eval_before", p->before_path));
    return put_hash_of_file(chain, "eval_after", p->after_path);
}

err manifest_new(const struct release_pack *p, json_t **out) {
    json_t *manifest = json_object();
    if (manifest == NULL) return fail(ERR_MEMORY, "out of memory for a manifest");
    err result = json_put(manifest, "cotrain_release", json_integer(RELEASE_VERSION));
    if (result == ERR_OK) result = json_put(manifest, "card", json_integer(CARD_VERSION));
    if (result == ERR_OK) result = put_about(manifest, p);
    if (result == ERR_OK) result = put_requests(manifest, p->requests);
    if (result == ERR_OK) result = put_chain(manifest, p);
    if (result == ERR_OK && p->choice != NULL)
        result = json_put(manifest, "choice", json_incref((json_t *)p->choice));
    if (result != ERR_OK) {
        json_decref(manifest);
        return result;
    }
    *out = manifest;
    return ERR_OK;
}

static err add_file(json_t *files, const char *dir, const char *name) {
    char hash[SHA256_HEX_SIZE];
    int64_t bytes = 0;
    json_t *row = json_object();
    TRY(json_push(files, row));
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_size(path, &bytes);
    if (result == ERR_OK) result = sha256_file(path, hash);
    mem_free(path);
    TRY(result);
    TRY(json_put(row, "path", json_string(name)));
    TRY(json_put(row, "bytes", json_integer(bytes)));
    return json_put(row, "sha256", json_string(hash));
}

static err add_files(json_t *manifest, const struct name_list *names, const char *dir) {
    json_t *files = json_array();
    TRY(json_put(manifest, "files", files));
    json_t *apart = json_array();
    TRY(json_put(manifest, "apart", apart));
    for (size_t i = 0; i < names->n; i++) {
        if (release_part_of(names->names[i]) == RELEASE_APART)
            TRY(json_push(apart, json_string(names->names[i])));
        else
            TRY(add_file(files, dir, names->names[i]));
    }
    return ERR_OK;
}

err manifest_write(json_t *manifest, const char *dir) {
    struct name_list names = {0};
    char *path = path_join(dir, SEAL_MANIFEST);
    err result = path == NULL ? ERR_MEMORY : dir_walk(dir, &names);
    if (result == ERR_OK) result = name_list_add(&names, STATEMENT_FILE); /* made from this file */
    name_list_sort(&names);
    if (result == ERR_OK) result = add_files(manifest, &names, dir);
    if (result == ERR_OK) result = json_write_file(path, manifest);
    name_list_release(&names);
    mem_free(path);
    return result;
}

/* What the card is made of. */
static err check_about(const json_t *about, const json_t *requests) {
    static const char *const texts[] = {"name", "license", "base_model"};
    const char *text = NULL;
    json_t *languages = NULL, *item = NULL;
    size_t i = 0;
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        TRY(json_need_string(about, texts[k], &text));
    TRY(json_need_array(about, "languages", &languages));
    json_array_foreach(languages, i, item) if (!json_is_string(item)) return fail(
        ERR_PARSE, "a language is no text");
    json_array_foreach(requests, i, item) TRY(json_need_string(item, "id", &text));
    return ERR_OK;
}

static err check_outline(const json_t *manifest) {
    static const char *const hashes[] = {"requests",   "dataset",     "recipe",
                                         "base",       "training",    "merged",
                                         "base_model", "eval_before", "eval_after"};
    int64_t version = 0;
    json_t *member = NULL, *requests = NULL;
    const char *text = NULL;
    TRY(json_need_int(manifest, "cotrain_release", &version));
    if (version != RELEASE_VERSION)
        return fail_hint(fail(ERR_UNSUPPORTED, "release of version %lld (this program reads %d)",
                              (long long)version, RELEASE_VERSION),
                         "another version of cotrain packed it: check it with that one");
    TRY(json_need_array(manifest, "requests", &requests));
    TRY(json_need_array(manifest, "files", &member));
    TRY(json_need_array(manifest, "apart", &member));
    TRY(json_need_object(manifest, "about", &member));
    TRY(check_about(member, requests));
    TRY(json_need_object(manifest, "chain", &member));
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        TRY(json_need_string(member, hashes[i], &text));
    return ERR_OK;
}

err release_read_json(const char *dir, const char *name,
                      err (*read)(const char *path, json_t **out), json_t **out) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = read(path, out);
    mem_free(path);
    return result;
}

err manifest_read(const char *dir, json_t **out) {
    json_t *manifest = NULL;
    char *path = path_join(dir, SEAL_MANIFEST);
    if (path == NULL) return ERR_MEMORY;
    err result = json_parse_file(path, &manifest);
    if (result == ERR_OK) {
        result = check_outline(manifest);
        if (result != ERR_OK) result = fail_in(result, "'%s'", path);
    }
    mem_free(path);
    if (result != ERR_OK) {
        json_decref(manifest);
        return result;
    }
    *out = manifest;
    return ERR_OK;
}
