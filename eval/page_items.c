/* SPDX-License-Identifier: Apache-2.0
 * Items on a page (eval/page.h): each is a <details> of one of the kinds lost, won, wrong, right;
 * radio buttons before the list choose a kind by style alone. What an item holds differs by task,
 * so its texts are a table here, and every other member that is a number or a verdict is shown
 * under its own name.
 * Read next: eval/held_out.h and eval/score.h for what items hold. */
#include "base/chart.h"
#include "base/html.h"
#include "base/mem.h"
#include "eval/page.h"
#include "eval/pairs.h"
#include "eval/suite.h"
#include "eval/task.h"
#include <stdio.h>
#include <string.h>

enum kind { KIND_LOST, KIND_WON, KIND_WRONG, KIND_RIGHT, KIND_OPEN, N_KINDS };
static const char *const kinds[] = {"lost", "won", "wrong", "right", "open"};

/* Where a text of an item may stand, the first that is there; a hash stands for a sealed one. */
static const char *const asked_keys[] = {"prompt", "prompt_sha256", NULL};
static const char *const expected_keys[] = {"expected", "expected_sha256", "gold", NULL};
static const char *const got_keys[] = {"got", "got_sha256", "completion", NULL};
/* Members that are told in another way. */
static const char *const told_keys[] = {"request", "item", "task_id", "sample", "exact", "correct"};

static const char *first_of(const json_t *item, const char *const *keys, const char **out_key) {
    for (; *keys != NULL; keys++) {
        const char *text = json_string_value(json_object_get(item, *keys));
        if (out_key != NULL) *out_key = *keys;
        if (text != NULL) return text;
    }
    return NULL;
}

/* ---- lengths ---- */

enum { N_LENGTHS = 9, LEAST_BYTES = 256 }; /* 64 Ki, 32 Ki ... 256 */

struct lengths {
    int64_t sum[N_LENGTHS], cut[N_LENGTHS]; /* of all texts, were they cut to 64 Ki >> k */
};

static void add_length(struct lengths *l, const char *text) {
    int64_t n = text != NULL ? (int64_t)strlen(text) : 0;
    for (int k = 0; k < N_LENGTHS; k++) {
        int64_t most = 65536 >> k;
        l->sum[k] += n < most ? n : most;
        l->cut[k] += n > most;
    }
}

static void add_lengths(struct lengths *l, const json_t *report, bool got_alone) {
    json_t *part = NULL, *item = NULL;
    size_t i = 0, k = 0;
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        json_array_foreach(json_object_get(part, "items"), k, item) {
            add_length(l, first_of(item, got_keys, NULL));
            if (got_alone) continue;
            add_length(l, first_of(item, asked_keys, NULL));
            add_length(l, first_of(item, expected_keys, NULL));
        }
    }
}

static void add_answers(struct lengths *l, const json_t *answers) {
    const char *task = NULL;
    json_t *lines = NULL, *line = NULL;
    size_t i = 0;
    json_object_foreach((json_t *)answers, task, lines) {
        json_array_foreach(lines, i, line) {
            add_length(l, json_string_value(json_object_get(line, "prompt")));
            add_length(l, json_string_value(json_object_get(line, "line")));
            add_length(l, json_string_value(json_object_get(line, "response")));
            add_length(l, json_string_value(json_object_get(line, "answer")));
        }
    }
}

int64_t eval_page_text_bytes(const struct eval_page *p, int64_t budget, int64_t *out_n_cut) {
    struct lengths l = {{0}, {0}};
    add_lengths(&l, p->after, false);
    add_lengths(&l, p->before, true);
    add_answers(&l, p->answers_before);
    add_answers(&l, p->answers_after);
    int k = 0;
    while (k < N_LENGTHS - 1 && l.sum[k] > budget) k++;
    *out_n_cut = l.cut[k];
    return 65536 >> k;
}

/* ---- one item ---- */

/* At most `most` bytes of a text, whole characters, and how many are left out. */
static err add_cut(struct str *out, const char *text, int64_t most) {
    const size_t n = strlen(text), kept = utf8_cut(text, n, (size_t)most);
    TRY(html_text(out, text, kept));
    if (kept == n) return ERR_OK;
    return str_printf(out, "<span class=\"soft\">\xE2\x80\xA6 and %lld more characters</span>",
                      (long long)utf8_count(text + kept, n - kept));
}

/* <dt>what</dt><dd>text</dd>; NULL: nothing. */
static err add_text(struct str *out, const char *what, const char *text, int64_t most) {
    if (text == NULL) return ERR_OK;
    TRY(str_printf(out, "<dt>%s</dt><dd class=\"text\">", what));
    if (text[0] == '\0')
        TRY(str_add(out, "<span class=\"soft\">(nothing)</span>"));
    else
        TRY(add_cut(out, text, most));
    return str_add(out, "</dd>\n");
}

static err add_value(struct str *out, const json_t *value) {
    if (json_is_integer(value))
        return str_printf(out, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) return str_printf(out, "%.4g", json_real_value(value));
    if (json_is_boolean(value)) return str_add(out, json_is_true(value) ? "yes" : "no");
    return str_add(out, "\xE2\x80\x93");
}

static bool is_told(const char *key) {
    for (size_t i = 0; i < sizeof told_keys / sizeof told_keys[0]; i++)
        if (strcmp(told_keys[i], key) == 0) return true;
    return false;
}

static bool is_same(const json_t *a, const json_t *b) {
    return a == b || json_equal((json_t *)a, (json_t *)b);
}

/* "rouge_l: 0.25 (before 0.1); ended: yes": numbers and verdicts; and what was extracted, which is
 * short, and errors. */
static err add_facts(struct str *out, const json_t *was, const json_t *is) {
    static const char *const texts[] = {"extracted", "error", NULL};
    const char *key = NULL, *between = "";
    json_t *value = NULL;
    TRY(str_add(out, "<p class=\"soft\">"));
    json_object_foreach((json_t *)is, key, value) {
        const json_t *old = json_object_get(was, key);
        bool shown = json_is_number(value) || json_is_boolean(value);
        if (is_told(key) || !shown) continue;
        TRY(str_add(out, between));
        between = "; ";
        TRY(html_add(out, key));
        TRY(str_add(out, ": "));
        TRY(add_value(out, value));
        if (was != NULL && !is_same(old, value)) {
            TRY(str_add(out, " (before "));
            TRY(add_value(out, old));
            TRY(str_add(out, ")"));
        }
    }
    for (const char *const *name = texts; *name != NULL; name++) {
        const char *old = json_text_of(was, *name), *now = json_text_of(is, *name);
        if (old[0] == '\0' && now[0] == '\0') continue;
        TRY(str_printf(out, "%s%s: ", between, *name));
        between = "; ";
        TRY(add_cut(out, now, LEAST_BYTES));
        if (strcmp(old, now) != 0 && was != NULL) {
            TRY(str_add(out, " (before "));
            TRY(add_cut(out, old, LEAST_BYTES));
            TRY(str_add(out, ")"));
        }
    }
    return str_add(out, "</p>\n");
}

static enum kind kind_of(const json_t *was, const json_t *is) {
    int before = was != NULL ? item_verdict(was) : -1, after = item_verdict(is);
    if (after < 0) return KIND_OPEN;
    if (before < 0 || before == after) return after ? KIND_RIGHT : KIND_WRONG;
    return after ? KIND_WON : KIND_LOST;
}

struct pair {
    const json_t *was, *is; /* `was` may be NULL */
    enum kind kind;
};
struct listing {
    const struct eval_page_items *p;
    struct pair *pairs; /* of each item; owned */
    size_t n;
    int64_t counts[N_KINDS];
    const struct suite *suite; /* NULL: a task of a user's, or answers stand in the report */
    int64_t n_new, n_gone;     /* items that only one of the lists has; 0 where there is one list */
    json_t *answers[2];        /* lines of kept answers before and after, by item; or NULL */
};

enum { PLACE = 64 };

static void write_place(const json_t *item, char out[PLACE]) {
    snprintf(out, PLACE, "%lld %lld", (long long)json_int_of(item, "item"),
             (long long)json_int_of(item, "sample"));
}

/* The line of an item among kept answers. */
static const json_t *line_of(const json_t *lines, const json_t *item) {
    char key[PLACE];
    write_place(item, key);
    return json_object_get(lines, key);
}

static err find_text(const struct listing *l, const json_t *line, struct span *out) {
    const json_t *text = json_object_get(line, "answer");
    if (l->suite != NULL) return suite_answer_text(l->suite, line, out);
    *out = (struct span){json_string_value(text), json_string_length(text)};
    return ERR_OK;
}

/* What was answered: all of it where it was kept, else what the report has. */
static err add_got(const struct listing *l, const char *what, const json_t *item, int side,
                   struct str *out) {
    struct span text = {NULL, 0};
    struct str whole = {0};
    if (item == NULL) return ERR_OK;
    const json_t *line = line_of(l->answers[side], item);
    if (line != NULL) TRY(find_text(l, line, &text));
    if (text.n == 0) return add_text(out, what, first_of(item, got_keys, NULL), l->p->text_bytes);
    err result = str_append(&whole, text.text, text.n);
    if (result == ERR_OK) result = add_text(out, what, str_text(&whole), l->p->text_bytes);
    str_release(&whole);
    return result;
}

static err add_head(const struct pair *pair, const char *asked, bool is_hash, struct str *out) {
    const json_t *item = pair->is;
    const char *kind = kinds[pair->kind];
    const char *id = json_text_of(item, "task_id"), *request = json_text_of(item, "request");
    TRY(str_printf(out, "<details class=\"item %s\"><summary><b class=\"badge\">%s</b> ", kind,
                   kind));
    if (request[0] != '\0') {
        TRY(html_add(out, request));
        TRY(str_add(out, " "));
    } else if (id[0] != '\0') {
        TRY(html_add(out, id));
        TRY(str_add(out, " "));
    } else {
        TRY(str_printf(out, "item %lld ", (long long)json_int_of(item, "item")));
    }
    TRY(str_add(out, is_hash ? "<span class=\"hash\">" : "<span class=\"soft\">"));
    if (asked != NULL) TRY(html_label(out, asked, 70));
    return str_add(out, "</span></summary>\n<dl class=\"sides\">\n");
}

static err add_item(const struct listing *l, const struct pair *pair, struct str *out) {
    const json_t *was = pair->was, *is = pair->is;
    const char *key = NULL, *asked = first_of(is, asked_keys, &key);
    bool is_hash = asked != NULL && str_ends(key, "_sha256");
    if (asked == NULL)
        asked = json_string_value(json_object_get(line_of(l->answers[1], is), "prompt"));
    TRY(add_head(pair, asked, is_hash, out));
    TRY(add_text(out, is_hash ? "asked (SHA-256)" : "asked", asked, l->p->text_bytes));
    TRY(add_text(out, is_hash ? "expected (SHA-256)" : "expected",
                 first_of(is, expected_keys, NULL), l->p->text_bytes));
    TRY(add_got(l, "before", was, 0, out));
    TRY(add_got(l, was != NULL ? "after" : "answer", is, 1, out));
    TRY(str_add(out, "</dl>\n"));
    TRY(add_facts(out, was, is));
    return str_add(out, "</details>\n");
}

/* ---- the list ---- */

/* Kept answers of the list's task, by item and sample. */
static err index_answers(const struct listing *l, const json_t *answers, json_t **out) {
    json_t *line = NULL;
    size_t i = 0;
    *out = json_object();
    if (*out == NULL) return fail(ERR_MEMORY, "out of memory for answers");
    json_array_foreach(json_object_get(answers, json_text_of(l->p->is, "task")), i, line) {
        char key[PLACE];
        if (json_object_get(line, "judge") != NULL) continue; /* unit tests that it wrote */
        write_place(line, key);
        TRY(json_put(*out, key, json_incref(line)));
    }
    return ERR_OK;
}

/* Each item with what it was before. */
static err fill_pairs(struct listing *l, struct item_index *index) {
    const json_t *was = json_object_get(l->p->was, "items"),
                 *is = json_object_get(l->p->is, "items");
    int64_t place = 0;
    for (size_t i = 0; i < json_array_size(was); i++)
        TRY(item_index_add(index, json_array_get(was, i)));
    for (size_t i = 0; i < l->n; i++) {
        struct pair *pair = &l->pairs[i];
        pair->is = json_array_get(is, i);
        TRY(item_index_find(index, pair->is, &place));
        if (place >= 0) pair->was = json_array_get(was, (size_t)place);
        pair->kind = kind_of(pair->was, pair->is);
        l->counts[pair->kind]++;
    }
    if (l->p->was == NULL) return ERR_OK;
    l->n_new = (int64_t)l->n - index->n_found;
    l->n_gone = index->n_added - index->n_found;
    return ERR_OK;
}

static err pair_items(struct listing *l) {
    struct item_index index;
    l->n = json_array_size(json_object_get(l->p->is, "items"));
    l->pairs = mem_zalloc(l->n + 1, sizeof *l->pairs);
    if (l->pairs == NULL) return ERR_MEMORY;
    err result = item_index_init(&index);
    if (result == ERR_OK) result = fill_pairs(l, &index);
    item_index_release(&index);
    return result;
}

static err add_kind(const struct listing *l, enum kind kind, struct str *out) {
    int64_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->pairs[i].kind != kind) continue;
        if (l->p->most > 0 && n == l->p->most) break;
        TRY(add_item(l, &l->pairs[i], out));
        n++;
    }
    return ERR_OK;
}

static err add_choice(struct str *out, int list, const char *kind, int64_t n, bool chosen) {
    char count[32];
    chart_number((double)n, count);
    return str_printf(out,
                      "<input type=\"radio\" class=\"pick %s\" name=\"pick%d\" "
                      "id=\"pick%d-%s\"%s><label for=\"pick%d-%s\">%s %s</label>\n",
                      kind, list, list, kind, chosen ? " checked" : "", list, kind, kind, count);
}

static err add_list(const struct listing *l, struct str *out) {
    int64_t shown = 0, most = l->p->most;
    TRY(str_add(out, "<h3>"));
    TRY(html_add(out, json_text_of(l->p->is, "task")));
    TRY(str_add(out, "</h3>\n"));
    if (l->n_new + l->n_gone > 0)
        TRY(str_printf(out,
                       "<p class=\"soft\">Items without a partner: %lld after, %lld before.</p>\n",
                       (long long)l->n_new, (long long)l->n_gone));
    TRY(str_add(out, "<div class=\"chosen\">\n"));
    TRY(add_choice(out, l->p->number, "all", (int64_t)l->n, true));
    for (int k = 0; k < N_KINDS; k++)
        if (l->counts[k] > 0) TRY(add_choice(out, l->p->number, kinds[k], l->counts[k], false));
    TRY(str_add(out, "<div class=\"items\">\n"));
    for (int k = 0; k < N_KINDS; k++) {
        TRY(add_kind(l, (enum kind)k, out));
        shown += most > 0 && l->counts[k] > most ? most : l->counts[k];
    }
    TRY(str_add(out, "</div></div>\n"));
    if (shown == (int64_t)l->n) return ERR_OK;
    return str_printf(out,
                      "<p class=\"soft\">%lld of %lld items; the reports have all of them.</p>\n",
                      (long long)shown, (long long)l->n);
}

err eval_page_items(const struct eval_page_items *p, struct str *out) {
    struct listing l = {.p = p};
    const char *name = json_text_of(p->is, "task");
    const struct eval_task *task = NULL;
    for (int i = 0; i < n_eval_tasks && task == NULL; i++)
        if (strcmp(eval_tasks[i]->name, name) == 0) task = eval_tasks[i];
    if (task != NULL) l.suite = task->suite;
    err result = index_answers(&l, p->answers_before, &l.answers[0]);
    if (result == ERR_OK) result = index_answers(&l, p->answers_after, &l.answers[1]);
    if (result == ERR_OK) result = pair_items(&l);
    if (result == ERR_OK) result = add_list(&l, out);
    mem_free(l.pairs);
    json_decref(l.answers[1]);
    json_decref(l.answers[0]);
    return result;
}
