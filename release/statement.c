/* SPDX-License-Identifier: Apache-2.0
 * The provenance statement (release/statement.h). Nothing in it is a date or of one machine; what
 * is missing from a manifest that a stranger wrote is an error and never a crash.
 * Read next: release/verify.c. */
#include "release/statement.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/digest.h"
#include "release/manifest.h"
#include "release/pack.h"
#include "release/seal.h"
#include <string.h>

enum { MAX_STATEMENT_BYTES = 64 << 20 };

/* {"name", "digest": {KEY: hash}, "annotations": {"role"}} */
struct resource {
    const char *name, *digest_key, *hash, *role;
    const char *note_key, *note; /* one more annotation; NULL: none */
};

static err put_digest(json_t *to, const char *key, const char *hash) {
    json_t *digest = json_object();
    TRY(json_put(to, "digest", digest));
    return json_put(digest, key, json_string(hash));
}

static err add_resource(json_t *list, const struct resource *r) {
    json_t *one = json_object();
    TRY(json_push(list, one));
    TRY(json_put(one, "name", json_string(r->name)));
    TRY(put_digest(one, r->digest_key, r->hash));
    if (r->role == NULL) return ERR_OK;
    json_t *annotations = json_object();
    TRY(json_put(one, "annotations", annotations));
    TRY(json_put(annotations, "role", json_string(r->role)));
    if (r->note == NULL) return ERR_OK;
    return json_put(annotations, r->note_key, json_string(r->note));
}

/* ---- what came out ---- */

static err add_chained(json_t *list, const json_t *chain, const char *key, struct resource r) {
    if (!json_is_string(json_object_get(chain, key))) return ERR_OK; /* no adapter */
    TRY(json_need_string(chain, key, &r.hash));
    return add_resource(list, &r);
}

static err put_subject(json_t *to, const struct statement_source *from, const json_t *chain) {
    json_t *subject = json_array(), *files = NULL, *row = NULL;
    size_t i = 0;
    TRY(json_put(to, "subject", subject));
    TRY(add_resource(subject, &(struct resource){SEAL_MANIFEST, "sha256", from->release, "release",
                                                 NULL, NULL}));
    TRY(add_chained(subject, chain, "adapter",
                    (struct resource){PACK_ADAPTER "/", "dirHash", NULL, "adapter", NULL, NULL}));
    TRY(add_chained(subject, chain, "merged",
                    (struct resource){"./", "dirHash", NULL, "merged model", NULL, NULL}));
    TRY(json_need_array(from->manifest, "files", &files));
    json_array_foreach(files, i, row) {
        struct resource r = {.digest_key = "sha256", .role = "weights"};
        TRY(json_need_string(row, "path", &r.name));
        TRY(json_need_string(row, "sha256", &r.hash));
        if (digest_is_weights(r.name)) TRY(add_resource(subject, &r));
    }
    return ERR_OK;
}

/* ---- what went in ---- */

static err add_requests(json_t *list, const json_t *manifest, json_t *ids) {
    json_t *requests = NULL, *row = NULL;
    size_t i = 0;
    TRY(json_need_array(manifest, "requests", &requests));
    json_array_foreach(requests, i, row) {
        struct resource r = {.digest_key = "sha256", .role = "request"};
        TRY(json_need_string(row, "id", &r.name));
        TRY(json_need_string(row, "sha256", &r.hash));
        TRY(json_push(ids, json_string(r.name)));
        TRY(add_resource(list, &r));
    }
    return ERR_OK;
}

/* Sources of rows may share a name ("examples"), so each has its number before it. */
static err add_rows(json_t *list, const json_t *dataset) {
    json_t *sources = NULL, *row = NULL;
    size_t i = 0;
    TRY(json_need_array(dataset, "sources", &sources));
    json_array_foreach(sources, i, row) {
        struct resource r = {.digest_key = "sha256", .role = "rows", .note_key = "request"};
        struct str name = {0};
        const char *own = NULL;
        TRY(json_need_string(row, "name", &own));
        TRY(json_need_string(row, "sha256", &r.hash));
        r.note = json_string_value(json_object_get(row, "request"));
        err result = str_printf(&name, "rows/%zu/%s", i + 1, own);
        r.name = str_text(&name);
        if (result == ERR_OK) result = add_resource(list, &r);
        str_release(&name);
        TRY(result);
    }
    return ERR_OK;
}

static err add_shards(json_t *list, const json_t *dataset) {
    json_t *files = NULL, *hash = NULL;
    const char *path = NULL;
    TRY(json_need_object(dataset, "files", &files));
    json_object_foreach(files, path, hash) {
        struct str name = {0};
        if (!json_is_string(hash)) return fail(ERR_PARSE, "'%s' has no hash", path);
        err result = str_printf(&name, "data/%s", path);
        struct resource r = {str_text(&name), "sha256", json_string_value(hash),
                             "shard",         NULL,     NULL};
        if (result == ERR_OK) result = add_resource(list, &r);
        str_release(&name);
        TRY(result);
    }
    return ERR_OK;
}

static err add_dependencies(json_t *list, const struct statement_source *from, const json_t *chain,
                            json_t *ids) {
    const char *base =
        json_string_value(json_object_get(json_object_get(from->manifest, "about"), "base_model"));
    TRY(add_requests(list, from->manifest, ids));
    TRY(add_rows(list, from->dataset));
    TRY(add_shards(list, from->dataset));
    TRY(add_chained(list, chain, "dataset",
                    (struct resource){PACK_DATA, "sha256", NULL, "dataset", NULL, NULL}));
    TRY(add_chained(list, chain, "recipe",
                    (struct resource){PACK_RECIPE, "sha256", NULL, "recipe", NULL, NULL}));
    return add_chained(list, chain, "base",
                       (struct resource){"base/", "dirHash", NULL, "base", "model", base});
}

static err put_object(json_t *to, const char *key, json_t **out) {
    *out = json_object();
    return json_put(to, key, *out);
}

static err put_list(json_t *to, const char *key, json_t **out) {
    *out = json_array();
    return json_put(to, key, *out);
}

static err put_definition(json_t *to, const struct statement_source *from, const json_t *chain) {
    json_t *definition = NULL, *external = NULL, *internal = NULL, *recipe = NULL, *ids = NULL,
           *list = NULL;
    const char *hash = NULL;
    const char *month =
        json_string_value(json_object_get(json_object_get(from->manifest, "about"), "month"));
    TRY(put_object(to, "buildDefinition", &definition));
    TRY(json_put(definition, "buildType", json_string(STATEMENT_BUILD_TYPE)));
    TRY(put_object(definition, "externalParameters", &external));
    if (month != NULL) TRY(json_put(external, "month", json_string(month)));
    TRY(put_object(external, "recipe", &recipe));
    TRY(json_put(recipe, "name", json_string(PACK_RECIPE)));
    TRY(json_need_string(chain, "recipe", &hash));
    TRY(put_digest(recipe, "sha256", hash));
    TRY(put_list(external, "requests", &ids));
    TRY(put_object(definition, "internalParameters", &internal));
    TRY(put_list(definition, "resolvedDependencies", &list));
    return add_dependencies(list, from, chain, ids);
}

static err put_details(json_t *to, const struct statement_source *from, const json_t *chain) {
    json_t *details = NULL, *builder = NULL, *version = NULL, *list = NULL;
    const char *number = from->version != NULL ? from->version : COTRAIN_VERSION;
    TRY(put_object(to, "runDetails", &details));
    TRY(put_object(details, "builder", &builder));
    TRY(json_put(builder, "id", json_string(STATEMENT_BUILDER)));
    TRY(put_object(builder, "version", &version));
    TRY(json_put(version, "cotrain", json_string(number)));
    TRY(put_list(details, "byproducts", &list));
    TRY(add_chained(
        list, chain, "training",
        (struct resource){"chain of step records", "sha256", NULL, "training", "file", PACK_LOG}));
    TRY(add_chained(list, chain, "eval_before",
                    (struct resource){PACK_BEFORE, "sha256", NULL, "evaluation", NULL, NULL}));
    return add_chained(list, chain, "eval_after",
                       (struct resource){PACK_AFTER, "sha256", NULL, "evaluation", NULL, NULL});
}

static err fill(json_t *to, const struct statement_source *from) {
    json_t *chain = NULL, *predicate = NULL;
    TRY(json_need_object(from->manifest, "chain", &chain));
    TRY(json_put(to, "_type", json_string("https://in-toto.io/Statement/v1")));
    TRY(put_subject(to, from, chain));
    TRY(json_put(to, "predicateType", json_string("https://slsa.dev/provenance/v1")));
    predicate = json_object();
    TRY(json_put(to, "predicate", predicate));
    TRY(put_definition(predicate, from, chain));
    return put_details(predicate, from, chain);
}

err statement_text(const struct statement_source *from, struct str *out) {
    json_t *statement = json_object();
    err result = statement == NULL ? fail(ERR_MEMORY, "out of memory for a statement")
                                   : fill(statement, from);
    if (result == ERR_OK) result = json_text(statement, JSON_TEXT_PRETTY, out);
    json_decref(statement);
    return result;
}

err statement_write(const char *dir, const json_t *manifest) {
    char release[SHA256_HEX_SIZE];
    json_t *dataset = NULL;
    struct str text = {0};
    char *path = path_join(dir, SEAL_MANIFEST), *to = path_join(dir, STATEMENT_FILE);
    err result = path == NULL || to == NULL ? ERR_MEMORY : sha256_file(path, release);
    if (result == ERR_OK) result = release_read_json(dir, PACK_DATA, json_parse_file, &dataset);
    struct statement_source from = {.manifest = manifest, .dataset = dataset, .release = release};
    if (result == ERR_OK) result = statement_text(&from, &text);
    if (result == ERR_OK) result = file_write(to, text.data, text.len);
    str_release(&text);
    json_decref(dataset);
    mem_free(path);
    mem_free(to);
    return result;
}

static err take_version(const struct str *text, struct str *out) {
    json_t *value = NULL;
    const char *version = NULL;
    TRY(json_parse(str_text(text), text->len, "'" STATEMENT_FILE "'", &value));
    json_t *at = json_object_get(value, "predicate");
    at = json_object_get(json_object_get(json_object_get(at, "runDetails"), "builder"), "version");
    err result = json_need_string(at, "cotrain", &version);
    if (result == ERR_OK) result = str_add(out, version);
    json_decref(value);
    return fail_in(result, "'%s'", STATEMENT_FILE);
}

err statement_check(const char *dir, const struct statement_source *from, struct str *out_text,
                    struct str *out_version) {
    struct str again = {0};
    struct statement_source source = *from;
    char *path = path_join(dir, STATEMENT_FILE);
    err result = path == NULL ? ERR_MEMORY : file_read(path, MAX_STATEMENT_BYTES, out_text);
    if (result == ERR_OK) result = take_version(out_text, out_version);
    source.version = str_text(out_version);
    if (result == ERR_OK) result = statement_text(&source, &again);
    if (result == ERR_OK && (again.len != out_text->len ||
                             memcmp(str_text(&again), str_text(out_text), again.len) != 0))
        result = fail(ERR_GATE, "'%s' is not what the manifest gives", STATEMENT_FILE);
    str_release(&again);
    mem_free(path);
    return result;
}
