/* SPDX-License-Identifier: Apache-2.0
 * Record files: reading by the recipes' machinery (option tables, every fault with its place), and
 * writing in one fixed order, so that a record that was not changed keeps its bytes.
 * Read next: issues/record.h, the contract. */
#include "issues/record.h"

#include "base/file.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

const struct state_row state_rows[RECORD_STATE_COUNT] = {
#define STATE(name, word, help) {word, help},
#include "issues/states.def"
#undef STATE
};

#define STATE(name, word, help) "," word
static const char state_words[] =
#include "issues/states.def"
    ;
#undef STATE

#define ROW(field, ...) OPT(struct record, field, __VA_ARGS__)
static struct opt_table record_table(void) {
    static const struct opt rows[] = {
        ROW(id, .required = true, .help = "OWNER/REPOSITORY#ISSUE@COMMENT"),
        ROW(month, .required = true, .help = "plan month that it was collected for"),
        ROW(requester, .help = "who asked"),
        ROW(language, .help = "of the post, for the answer"),
        ROW(form, .help = "how it was written: labelled, issue-form, prose"),
        ROW(problem_reports, .min = 0, .max = 1e9, .preset = "0",
            .help = "problems that the requester had reported when it was collected"),
        ROW(votes, .min = 0, .max = 1e9, .preset = "0", .help = "thumbs up when it was collected"),
        ROW(scenario, .help = "where the model is used"),
        ROW(capability, .help = "what the model should be able to do"),
        ROW(input, .help = "what the model is given"),
        ROW(output, .help = "what it should answer"),
        ROW(constraints, .help = "what must hold beside it"),
        ROW(remark, .help = "what else was said"),
        ROW(spans, .map = true, .help = "where each field stands in the text, in characters"),
        ROW(proposed, .help = "fields that a language model proposed; nobody has confirmed them"),
        ROW(cases, .help = "file of held-out cases beside this one"),
        ROW(weight, .min = 0, .max = 1e6, .preset = "1", .help = "share of the month's data"),
        ROW(text, .help = "what was posted"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct record_source, field, __VA_ARGS__)
static struct opt_table source_table(void) {
    static const struct opt rows[] = {
        ROW(url, .help = "page of the post"),
        ROW(title, .help = "of its issue"),
        ROW(created_at, .required = true, .help = "when it was posted"),
        ROW(updated_at, .help = "when it was last edited before it was collected"),
        ROW(association, .help = "of its author with the repository"),
        ROW(digest, .required = true, .help = "SHA-256 of the post as collected"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct record_decision, field, __VA_ARGS__)
static struct opt_table decision_table(void) {
    static const struct opt rows[] = {
        ROW(state, .required = true, .choices = state_words + 1, .help = "what was decided"),
        ROW(by, .required = true, .help = "who decided"),
        ROW(date, .required = true, .value = "YYYY-MM-DD", .help = "when"),
        ROW(reason, .help = "why"),
        ROW(into, .help = "id of the request that it was merged into"),
    };
    return OPT_TABLE(rows);
}
#undef ROW

static const struct recipe_section sections[] = {
    {.path = "source",
     .kind = SECTION_IS_MAP,
     .table = source_table,
     .required = true,
     .offset = offsetof(struct record, source)},
    {.path = "examples",
     .kind = SECTION_IS_LIST,
     .table = example_options_table,
     .offset = offsetof(struct record, examples),
     .item_size = sizeof(struct example),
     .file_offset = offsetof(struct example, file),
     .line_offset = offsetof(struct example, line)},
    {.path = "review",
     .kind = SECTION_IS_LIST,
     .table = decision_table,
     .offset = offsetof(struct record, review),
     .item_size = sizeof(struct record_decision)},
};
static const struct recipe_schema record_schema = {record_table, sections,
                                                   sizeof sections / sizeof sections[0], NULL};
_Static_assert(sizeof(struct record_examples) == sizeof(struct section_items), "items and n");
_Static_assert(sizeof(struct record_history) == sizeof(struct section_items), "items and n");

err record_stem(const char *id, struct arena *a, const char **out) {
    const char *hash = strrchr(id, '#');
    if (!hash || !hash[1] || strspn(hash + 1, "0123456789@.") != strlen(hash + 1))
        return fail(ERR_RANGE, "'%s' is no id as in OWNER/REPOSITORY#22@1800000002", id);
    char *stem = arena_strdup(a, hash + 1);
    if (!stem) return ERR_MEMORY;
    for (char *c = stem; *c; c++)
        if (*c == '@') *c = '-';
    *out = stem;
    return ERR_OK;
}

err record_path(const char *id, const char *month, struct arena *a, const char **out) {
    const char *stem;
    TRY(record_stem(id, a, &stem));
    *out = arena_printf(a, PROGRAM_REQUESTS "/%s/%s.yaml", month, stem);
    return *out ? ERR_OK : ERR_MEMORY;
}

enum record_state record_state(const struct record *r) {
    const char *word = r->review.n ? r->review.items[r->review.n - 1].state : "new";
    for (int i = 0; i < RECORD_STATE_COUNT; i++)
        if (strcmp(state_rows[i].word, word) == 0) return (enum record_state)i;
    return RECORD_NEW;
}

int record_missing(const struct record *r, const char *out[3]) {
    int n = 0;
    if (!r->input) out[n++] = "input";
    if (!r->output) out[n++] = "output";
    if (r->examples.n == 0) out[n++] = "examples";
    return n;
}

bool record_keeps_ability(const struct record *r) {
    static const char *const words[] = {"通用",    "原有",     "已有",       "其他能力", "其它能力",
                                        "general", "existing", "other task", "forget",   "regress"};
    for (int64_t i = 0; i < r->constraints.n; i++)
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            if (strcasestr(r->constraints.items[i], words[w])) return true;
    return false;
}

const char *record_name(const struct record *r) {
    return r->scenario ? r->scenario : r->id;
}

/* ---- reading ---- */

static err check_record(const struct record *r, const char *path, const char *month) {
    struct arena a = {0};
    const char *wanted;
    err e = record_path(r->id, month, &a, &wanted);
    if (e == ERR_OK && (strcmp(r->month, month) != 0 || strcmp(wanted, path) != 0))
        e = fail(ERR_MISMATCH, "request '%s' of %s stands in the wrong file", r->id, r->month);
    arena_release(&a);
    return e;
}

/* Moves what was read into the list's arena: the recipe's own becomes one of its chunks. */
static err read_record(const struct program *p, const char *path, const char *month,
                       struct record_list *list) {
    struct recipe recipe;
    struct record r = {0};
    char *whole = path_join(p->dir, path);
    if (!whole) return ERR_MEMORY;
    err e = recipe_read(&recipe, whole, NULL, &record_schema, &r);
    mem_free(whole);
    arena_join(&list->arena, &recipe.arena);
    if (e == ERR_OK) e = check_record(&r, path, month);
    if (e != ERR_OK) return fail_in(e, "request file '%s'", path);
    if ((list->n & (list->n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        size_t room = list->n > 0 ? 2 * (size_t)list->n : 1;
        struct record *items = mem_resize(list->items, room, sizeof *items);
        if (!items) return ERR_MEMORY;
        list->items = items;
    }
    r.path = arena_strdup(&list->arena, path);
    list->items[list->n++] = r;
    return r.path ? ERR_OK : ERR_MEMORY;
}

static err read_month(const struct program *p, const char *month, struct record_list *out) {
    struct name_list names = {0};
    char *dir = path_join(p->dir, PROGRAM_REQUESTS);
    char *of_month = dir ? path_join(dir, month) : NULL;
    mem_free(dir);
    if (!of_month) return ERR_MEMORY;
    err e = dir_exists(of_month) ? dir_list(of_month, &names) : ERR_OK;
    mem_free(of_month);
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        if (!str_ends(names.names[i], ".yaml")) continue;
        struct arena a = {0};
        const char *path = arena_printf(&a, PROGRAM_REQUESTS "/%s/%s", month, names.names[i]);
        e = path ? read_record(p, path, month, out) : ERR_MEMORY;
        arena_release(&a);
    }
    name_list_release(&names);
    return e;
}

err records_read(const struct program *p, const char *month, struct record_list *out) {
    struct name_list months = {0};
    *out = (struct record_list){0};
    if (month) return read_month(p, month, out);
    char *dir = path_join(p->dir, PROGRAM_REQUESTS);
    if (!dir) return ERR_MEMORY;
    err e = dir_exists(dir) ? dir_list(dir, &months) : ERR_OK;
    mem_free(dir);
    for (size_t i = 0; i < months.n && e == ERR_OK; i++) e = read_month(p, months.names[i], out);
    name_list_release(&months);
    return e;
}

void record_list_release(struct record_list *list) {
    mem_free(list->items);
    arena_release(&list->arena);
    *list = (struct record_list){0};
}

static bool is_called(const struct record *r, const char *id) {
    const char *hash = strrchr(r->id, '#'), *at = strrchr(r->id, '@');
    if (strcmp(r->id, id) == 0 || (at && strcmp(at + 1, id) == 0)) return true;
    if (!hash || strlen(hash + 1) != strlen(id)) return false;
    for (size_t i = 0; id[i]; i++)
        if (id[i] != hash[1 + i] && !(id[i] == '-' && hash[1 + i] == '@')) return false;
    return true;
}

err record_find(const struct record_list *list, const char *id, struct record **out) {
    const char *nearest = NULL;
    for (int64_t i = 0; i < list->n; i++) {
        *out = &list->items[i];
        if (is_called(*out, id)) return ERR_OK;
    }
    for (int64_t i = 0; i < list->n; i++) {
        const char *pair[2] = {nearest ? nearest : list->items[i].id, list->items[i].id};
        nearest = str_nearest(id, pair, 2);
    }
    err e = fail(ERR_MISSING, "no request '%s' here", id);
    return nearest ? fail_hint(e, "did you mean '%s'?", nearest)
                   : fail_hint(e, "'cotrain issues list' shows the requests that there are");
}

/* ---- from a reading ---- */

static err copy_pieces(const struct piece_list *from, struct arena *a, struct opt_list *to) {
    to->items = arena_alloc(a, (size_t)from->n + 1, sizeof *to->items);
    if (!to->items) return ERR_MEMORY;
    for (int64_t i = 0; i < from->n; i++) to->items[to->n++] = from->items[i].text;
    return ERR_OK;
}

/* "scenario: 5-24", or with each of its stretches "scenario: 5-9,12-24". */
static err add_span(struct record *r, struct arena *a, const struct piece *p, const char *name) {
    struct str span = {0};
    if (!p->text || p->of_title) return ERR_OK;
    err e = str_printf(&span, "%s: ", name);
    for (int64_t i = 0; i < p->n_stretches && e == ERR_OK; i++)
        e = str_printf(&span, "%s%lld-%lld", i ? "," : "", (long long)p->stretches[i].begin,
                       (long long)p->stretches[i].end);
    if (e == ERR_OK && p->n_stretches == 0)
        e = str_printf(&span, "%lld-%lld", (long long)p->begin, (long long)p->end);
    if (e == ERR_OK) {
        r->spans.items[r->spans.n] = arena_strdup(a, str_text(&span));
        e = r->spans.items[r->spans.n++] ? ERR_OK : ERR_MEMORY;
    }
    str_release(&span);
    return e;
}

static err add_spans(struct record *r, struct arena *a, const struct piece_list *list,
                     const char *name) {
    for (int64_t i = 0; i < list->n; i++) {
        const char *of = arena_printf(a, "%s.%lld", name, (long long)i + 1);
        if (!of) return ERR_MEMORY;
        TRY(add_span(r, a, &list->items[i], of));
    }
    return ERR_OK;
}

static err copy_spans(const struct reading *reading, struct arena *a, struct record *r) {
    int64_t n = 4 + reading->capability.n + reading->constraints.n + 2 * reading->n_examples;
    r->spans.items = arena_alloc(a, (size_t)n, sizeof *r->spans.items);
    if (!r->spans.items) return ERR_MEMORY;
    TRY(add_span(r, a, &reading->scenario, "scenario"));
    TRY(add_spans(r, a, &reading->capability, "capability"));
    TRY(add_span(r, a, &reading->input, "input"));
    TRY(add_span(r, a, &reading->output, "output"));
    TRY(add_spans(r, a, &reading->constraints, "constraints"));
    TRY(add_span(r, a, &reading->remark, "remark"));
    for (int64_t i = 0; i < reading->n_examples; i++) {
        const char *prompt = arena_printf(a, "examples.%lld.prompt", (long long)i + 1);
        const char *response = arena_printf(a, "examples.%lld.response", (long long)i + 1);
        if (!prompt || !response) return ERR_MEMORY;
        TRY(add_span(r, a, &reading->examples[i].prompt, prompt));
        TRY(add_span(r, a, &reading->examples[i].response, response));
    }
    return ERR_OK;
}

err record_of_reading(const struct post *post, const struct reading *reading, const char *month,
                      struct arena *a, struct record *out) {
    *out = (struct record){.id = reading->id,
                           .month = month,
                           .requester = post->login,
                           .language = *reading->language ? reading->language : NULL,
                           .form = *reading->form ? reading->form : NULL,
                           .votes = post->votes,
                           .source = {.url = post->url,
                                      .title = post->title,
                                      .created_at = post->created_at,
                                      .updated_at = post->updated_at,
                                      .association = post->association,
                                      .digest = post->digest},
                           .scenario = reading->scenario.text,
                           .input = reading->input.text,
                           .output = reading->output.text,
                           .remark = reading->remark.text,
                           .weight = 1,
                           .text = post->body};
    TRY(copy_pieces(&reading->capability, a, &out->capability));
    TRY(copy_pieces(&reading->constraints, a, &out->constraints));
    TRY(copy_spans(reading, a, out));
    out->examples.items = arena_alloc(a, (size_t)reading->n_examples + 1, sizeof(struct example));
    if (!out->examples.items) return ERR_MEMORY;
    for (int64_t i = 0; i < reading->n_examples; i++)
        if (reading->examples[i].response.text) /* else half a pair; the text still has it */
            out->examples.items[out->examples.n++] =
                (struct example){.prompt = reading->examples[i].prompt.text,
                                 .response = reading->examples[i].response.text};
    return record_path(reading->id, month, a, &out->path);
}

/* ---- writing ---- */

err record_json(const struct record *r, json_t **out) {
    err e = options_json(&record_schema, r, out);
    /* What was posted stands last, behind everything that people look at first. */
    json_t *text = e == ERR_OK ? json_incref(json_object_get(*out, "text")) : NULL;
    if (!text) return e;
    (void)json_object_del(*out, "text");
    e = json_put(*out, "text", text);
    if (e != ERR_OK) json_decref(*out);
    return e;
}

err record_yaml(const struct record *r, struct str *out) {
    json_t *value;
    TRY(record_json(r, &value));
    err e = recipe_write(value, NULL, out);
    json_decref(value);
    return e;
}

err record_write(const struct program *p, const struct record *r) {
    struct str text = {0};
    char *path = path_join(p->dir, r->path), *dir = path ? path_dir(path) : NULL;
    err e = dir ? dir_make(dir) : ERR_MEMORY;
    if (e == ERR_OK) e = record_yaml(r, &text);
    if (e == ERR_OK) e = file_write(path, str_text(&text), text.len);
    str_release(&text);
    mem_free(dir);
    mem_free(path);
    return e;
}
