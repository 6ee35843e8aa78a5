/* SPDX-License-Identifier: Apache-2.0
 * golden.json, written and read (release/golden.h gives its form). What is read comes from
 * strangers: counts, ids and texts are held to their ranges before a model sees them.
 * Read next: release/golden.c. */
#include "base/file.h"
#include "base/mem.h"
#include "release/golden.h"
#include <string.h>

enum { MAX_NEW_TOKENS = 4096, MAX_PROMPT_TOKENS = 1 << 20 };

static err put_ids(json_t *to, const char *key, const struct tokens *ids) {
    json_t *list = json_array();
    TRY(json_put(to, key, list));
    for (int64_t i = 0; i < ids->n; i++) TRY(json_push(list, json_integer(ids->ids[i])));
    return ERR_OK;
}

static err put_prompt(json_t *to, const struct golden_prompt *p) {
    TRY(json_put(to, "request", json_string(p->request)));
    TRY(json_put(to, "kind", json_string(p->kind)));
    TRY(json_put(to, "prompt", json_string(p->text)));
    TRY(put_ids(to, "prompt_ids", &p->ids));
    TRY(put_ids(to, "output_ids", &p->answer.ids));
    TRY(json_put(to, "ended", json_boolean(p->answer.ended)));
    TRY(json_put(to, "output", json_string(p->answer.text)));
    TRY(json_put(to, "logits_sha256", json_string(p->answer.logits)));
    json_t *top = json_array();
    TRY(json_put(to, "top", top));
    for (int i = 0; i < GOLDEN_TOP; i++)
        TRY(json_push(top, json_pack("[I, f]", (json_int_t)p->answer.top_ids[i],
                                     (double)p->answer.top_logits[i])));
    return ERR_OK;
}

static err put_head(const struct golden *g, json_t *to) {
    const char *whitespace = g->whitespace == WHITESPACE_KEEP ? "keep" : "strip";
    TRY(json_put(to, "cotrain_golden", json_integer(GOLDEN_VERSION)));
    TRY(json_put(to, "backend", json_string("cpu")));
    TRY(json_put(to, "decoding", json_string("greedy")));
    TRY(json_put(to, "special_whitespace", json_string(whitespace)));
    return json_put(to, "max_new_tokens", json_integer(g->max_new_tokens));
}

/* A prompt a line: lists of ids are read across, not down. */
static err add_lines(const struct golden *g, struct str *out) {
    json_t *head = json_object();
    err result =
        head == NULL ? fail(ERR_MEMORY, "out of memory for '" GOLDEN_FILE "'") : put_head(g, head);
    if (result == ERR_OK) result = json_text(head, 0, out);
    json_decref(head);
    TRY(result);
    out->len--; /* the brace that ends it */
    TRY(str_add(out, ",\n\"prompts\":["));
    for (int64_t i = 0; i < g->n && result == ERR_OK; i++) {
        json_t *one = json_object();
        result = one == NULL ? fail(ERR_MEMORY, "out of memory for '" GOLDEN_FILE "'")
                             : put_prompt(one, &g->prompts[i]);
        if (result == ERR_OK) result = str_add(out, i > 0 ? ",\n" : "\n");
        if (result == ERR_OK) result = json_text(one, 0, out);
        json_decref(one);
    }
    TRY(result);
    return str_add(out, "]}\n");
}

err golden_write(const struct golden *g, const char *dir) {
    struct str text = {0};
    char *path = path_join(dir, GOLDEN_FILE);
    err result = path == NULL ? ERR_MEMORY : add_lines(g, &text);
    if (result == ERR_OK) result = file_write(path, text.data, text.len);
    str_release(&text);
    mem_free(path);
    return result;
}

static err take_ids(const json_t *from, const char *key, int64_t max, struct tokens *out) {
    json_t *list = NULL, *item = NULL;
    size_t i = 0;
    TRY(json_need_array(from, key, &list));
    if ((int64_t)json_array_size(list) > max)
        return fail(ERR_PARSE, "'%s' has over %lld ids", key, (long long)max);
    json_array_foreach(list, i, item) {
        int64_t id = json_is_integer(item) ? json_integer_value(item) : -1;
        if (id < 0 || id > INT32_MAX) return fail(ERR_PARSE, "'%s' holds something else", key);
        TRY(tokens_add(out, (int32_t)id));
    }
    return ERR_OK;
}

static err take_prompt(struct golden *g, const json_t *from, struct golden_prompt *p) {
    const char *text = NULL, *output = NULL, *logits = NULL;
    TRY(json_need_string(from, "prompt", &text));
    TRY(json_need_string(from, "output", &output));
    TRY(json_need_string(from, "logits_sha256", &logits));
    TRY(take_ids(from, "prompt_ids", MAX_PROMPT_TOKENS, &p->ids));
    TRY(take_ids(from, "output_ids", g->max_new_tokens, &p->answer.ids));
    if (p->ids.n == 0) return fail(ERR_PARSE, "'prompt_ids' is empty");
    if (!sha256_is_hex(logits)) return fail(ERR_PARSE, "'logits_sha256' is no SHA-256");
    memcpy(p->answer.logits, logits, SHA256_HEX_SIZE);
    p->answer.ended = json_is_true(json_object_get(from, "ended"));
    p->answer.text = mem_strdup(output);
    p->text = arena_strdup(&g->arena, text);
    if (p->text == NULL || p->answer.text == NULL) return ERR_MEMORY;
    if (p->ids.n + g->max_new_tokens > g->longest) g->longest = p->ids.n + g->max_new_tokens;
    return ERR_OK;
}

static err take_all(struct golden *g, const json_t *from) {
    int64_t version = 0;
    const char *whitespace = NULL, *backend = NULL;
    json_t *prompts = NULL, *one = NULL;
    size_t i = 0;
    TRY(json_need_int(from, "cotrain_golden", &version));
    if (version != GOLDEN_VERSION)
        return fail(ERR_UNSUPPORTED, "version %lld (this program reads %d)", (long long)version,
                    GOLDEN_VERSION);
    TRY(json_need_string(from, "backend", &backend));
    if (strcmp(backend, "cpu") != 0) return fail(ERR_UNSUPPORTED, "another backend than 'cpu'");
    TRY(json_need_string(from, "special_whitespace", &whitespace));
    TRY(special_whitespace_parse(whitespace, &g->whitespace));
    TRY(json_need_int(from, "max_new_tokens", &g->max_new_tokens));
    if (g->max_new_tokens < 1 || g->max_new_tokens > MAX_NEW_TOKENS)
        return fail(ERR_PARSE, "'max_new_tokens' is not from 1 to %d", MAX_NEW_TOKENS);
    TRY(json_need_array(from, "prompts", &prompts));
    if (json_array_size(prompts) > GOLDEN_PROMPTS_MAX)
        return fail(ERR_PARSE, "more than %d prompts", GOLDEN_PROMPTS_MAX);
    g->prompts = mem_zalloc(GOLDEN_PROMPTS_MAX, sizeof *g->prompts);
    if (g->prompts == NULL) return ERR_MEMORY;
    json_array_foreach(prompts, i, one) {
        g->n++;
        TRY(fail_in(take_prompt(g, one, &g->prompts[i]), "prompt %zu", i + 1));
    }
    return ERR_OK;
}

err golden_read(struct golden *g, const char *dir) {
    json_t *value = NULL;
    *g = (struct golden){0};
    char *path = path_join(dir, GOLDEN_FILE);
    if (path == NULL) return ERR_MEMORY;
    err result = json_parse_file(path, &value);
    if (result == ERR_OK) result = fail_in(take_all(g, value), "'%s'", GOLDEN_FILE);
    if (result != ERR_OK) golden_release(g);
    json_decref(value);
    mem_free(path);
    return result;
}
