/* SPDX-License-Identifier: Apache-2.0
 * Tasks of users (eval/user_task.h): a suite and a scorer made of a YAML file.
 * Templates are checked when the file is read, as far as they can be without the data; a field that
 * a line of the data lacks is told with both places.
 * Read next: eval/suite_run.c, recipes/yaml.h. */
#include "eval/user_task.h"

#include "base/file.h"
#include "base/mem.h"
#include "eval/metrics.h"
#include "eval/scorers/number.h"
#include "eval/scorers/symbolic.h"
#include "eval/suite_run.h"
#include "recipes/yaml.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20, FORMAT_VERSION = 1 };

struct definition {
    int64_t cotrain_task, max_new_tokens;
    const char *name, *data, *prompt, *expected, *extract;
    struct opt_list metric; /* names of `metrics`; the first one stands for the task */
};
/* One task: what the other parts of evaluation see of it, and what it was made of. */
struct user_task {
    struct eval_task task;
    struct suite suite;
    struct scorer scorer;
    struct definition is;
    const char *file, *patterns[1];
    int64_t prompt_line, expected_line;
};

#define ROW(field, ...) OPT(struct definition, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(cotrain_task, .min = FORMAT_VERSION, .max = FORMAT_VERSION, .required = true,
        .help = "version of this form"),
    ROW(name, .required = true, .help = "what the task is called"),
    ROW(data, .required = true, .help = "JSON Lines, an object an item"),
    ROW(prompt, .required = true, .help = "template of what is asked"),
    ROW(expected, .required = true, .help = "template of what is right"),
    ROW(extract, .help = "regular expression for what of the answer counts"),
    ROW(metric, .preset = "exact_match", .choices = "exact_match,contains,number,symbolic,rouge_l",
        .help = "what the answer is worth; of several the first stands for the task"),
    ROW(max_new_tokens, .min = 1, .max = 65536, .preset = "64", .help = "longest answer"),
};

/* The next field of a template from `at` on, after plain text that is appended. *out_field.text
 * NULL: the template is at its end. */
static err next_field(const char **at, struct str *plain, struct span *out_field) {
    *out_field = (struct span){NULL, 0};
    while (**at != '\0') {
        char c = **at;
        if (c != '{' && c != '}') {
            TRY(str_append(plain, (*at)++, 1));
        } else if ((*at)[1] == c) {
            TRY(str_append(plain, *at, 1));
            *at += 2;
        } else {
            const char *end = c == '{' ? strchr(*at, '}') : NULL;
            if (end == NULL || end == *at + 1)
                return fail(ERR_PARSE, c == '{' ? "'{' opens no field (a brace is written '{{')"
                                                : "'}' closes no field (a brace is written '}}')");
            *out_field = (struct span){*at + 1, (size_t)(end - *at - 1)};
            *at = end + 1;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

static err check_template(const char *template) {
    struct str plain = {0};
    struct span field = {"", 0};
    err result = ERR_OK;
    while (result == ERR_OK && field.text != NULL) result = next_field(&template, &plain, &field);
    str_release(&plain);
    return result;
}

/* Names what there is instead. */
static err no_field(const json_t *row, const char *name) {
    struct str names = {0};
    const char *key = NULL;
    json_t *value = NULL;
    err result = ERR_OK;
    json_object_foreach((json_t *)row, key, value) {
        if (result == ERR_OK) result = str_printf(&names, "%s{%s}", names.len > 0 ? ", " : "", key);
    }
    if (result == ERR_OK) {
        result = fail(ERR_MISSING, "no field '%s'", name);
        if (names.len > 0) result = fail_hint(result, "the line has %s", str_text(&names));
    }
    str_release(&names);
    return result;
}

/* A member as text: a text itself, anything else as JSON. */
static err add_member(const json_t *row, struct span field, struct str *out) {
    char name[128];
    if (field.n >= sizeof name) return fail(ERR_LIMIT, "a field's name of %zu bytes", field.n);
    memcpy(name, field.text, field.n);
    name[field.n] = '\0';
    const json_t *value = json_object_get(row, name);
    if (value == NULL) return no_field(row, name);
    return json_is_string(value) ? str_add(out, json_string_value(value))
                                 : json_text(value, 0, out);
}

static err fill(const char *template, const json_t *row, struct arena *a, const char **out) {
    struct str text = {0};
    struct span field = {"", 0};
    err result = ERR_OK;
    while (result == ERR_OK && field.text != NULL) {
        result = next_field(&template, &text, &field);
        if (result == ERR_OK && field.text != NULL) result = add_member(row, field, &text);
    }
    if (result == ERR_OK) {
        *out = arena_strdup(a, str_text(&text));
        if (*out == NULL) result = ERR_MEMORY;
    }
    str_release(&text);
    return result;
}

static err take_row(const struct user_task *t, const json_t *row, struct suite_items *out) {
    struct suite_item *item = NULL;
    TRY(suite_items_add(out, &item));
    err result = fill(t->is.prompt, row, &out->arena, &item->prompt);
    if (result != ERR_OK)
        return fail_in(result, "'%s' line %lld: prompt", t->file, (long long)t->prompt_line);
    result = fill(t->is.expected, row, &out->arena, &item->gold);
    if (result != ERR_OK)
        return fail_in(result, "'%s' line %lld: expected", t->file, (long long)t->expected_line);
    item->question = item->prompt;
    return ERR_OK;
}

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    const struct user_task *t = self->own;
    struct line_reader r = {0};
    bool more = true;
    (void)paths;
    TRY(line_reader_open(&r, t->is.data, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more) {
        json_t *row = NULL;
        result = line_reader_next(&r, &more);
        if (result != ERR_OK || !more || r.len == 0) continue;
        result = json_parse(r.line, r.len, NULL, &row);
        if (result == ERR_OK) result = take_row(t, row, out);
        json_decref(row);
        if (result != ERR_OK)
            result = fail_in(result, "'%s' line %lld", t->is.data, (long long)r.line_number);
    }
    line_reader_close(&r);
    if (result == ERR_OK && out->n == 0) result = fail(ERR_MISSING, "'%s' has no line", t->is.data);
    return result;
}

/* ---- metrics ---- */

static err exact_match(struct span gold, struct span got, double *out) {
    *out = metric_exact_match(gold, got);
    return ERR_OK;
}

static err contains(struct span gold, struct span got, double *out) {
    *out = text_has_span(got, gold);
    return ERR_OK;
}

static err symbolic(struct span gold, struct span got, double *out) {
    bool equal = false;
    TRY(symbolic_equal(gold, got, &equal));
    *out = equal;
    return ERR_OK;
}

static err number(struct span gold, struct span got, double *out) {
    double x = 0.0, y = 0.0;
    const char *wrong = "", *why = "";
    TRY(number_read(span_strip(gold), &x, &wrong));
    TRY(number_read(span_strip(got), &y, &why));
    *out = wrong[0] == '\0' && why[0] == '\0' && x == y;
    return ERR_OK;
}

static const struct metric {
    const char *name;
    bool measured; /* anything from 0 to 1 */
    err (*value)(struct span gold, struct span got, double *out);
} metrics[] = {{"exact_match", false, exact_match},
               {"contains", false, contains},
               {"number", false, number},
               {"symbolic", false, symbolic},
               {"rouge_l", true, metric_rouge_l}};

/* The rows' choices are these names. */
static const struct metric *metric_of(const char *name) {
    size_t i = 0;
    while (strcmp(metrics[i].name, name) != 0) i++;
    return &metrics[i];
}

static err measure(const struct scorer *scorer, struct span gold, struct span said,
                   struct verdict *out) {
    TRY(metric_of(scorer->metric)->value(gold, said, &out->value));
    out->correct = out->value == 1.0;
    for (int k = 0; k < scorer_n_extras(scorer); k++)
        TRY(metric_of(scorer->extras[k].name)->value(gold, said, &out->extra[k]));
    return ERR_OK;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    struct span said = a->text;
    if (a->item == NULL) {
        out->error = "unknown item";
        return ERR_OK;
    }
    if (s->scorer->n_patterns > 0) {
        struct regex_match m;
        TRY(scorer_last_match(s->rules[0], said, &m, NULL));
        const struct regex_range *g = &m.groups[m.n_groups > 1 ? 1 : 0];
        said = m.n_groups > 0 ? text_cut(said, g->begin, g->end) : text_cut(said, 0, 0);
    }
    out->gold = a->item->gold;
    TRY(scorer_keep(s, said, &out->extracted));
    out->vote = out->extracted;
    return measure(s->scorer, text_span(a->item->gold), said, out);
}

static err check_pattern(const char *pattern) {
    struct regex *r = NULL;
    TRY(regex_new(&r, pattern));
    regex_free(r);
    return ERR_OK;
}

static err take_list(struct user_task *t, const struct opt *row, const struct recipe_node *node,
                     struct arena *a) {
    const char **items = arena_alloc(a, (size_t)node->n + 1, sizeof *items);
    int64_t n = 0;
    if (items == NULL) return ERR_MEMORY;
    for (const struct recipe_node *part = node->first; part != NULL; part = part->next) {
        if (part->kind != NODE_TEXT)
            return fail(ERR_PARSE, "a part of '%s' is %s, not a text", row->name,
                        node_kind_text(part));
        items[n++] = part->text;
    }
    return opt_set_list(row, &t->is, items, n, a);
}

/* One key of the file into the definition. */
static err take_key(struct user_task *t, const struct recipe_node *node, struct arena *a) {
    const struct opt *row = opt_find(OPT_TABLE(rows), node->key, NULL);
    if (row == NULL) {
        const char *near = opt_nearest(OPT_TABLE(rows), node->key);
        (void)fail(ERR_PARSE, "unknown key '%s'", node->key);
        return near != NULL ? fail_hint(ERR_PARSE, "did you mean '%s'?", near) : ERR_PARSE;
    }
    if (row->type == OPT_LIST && node->kind == NODE_LIST) return take_list(t, row, node, a);
    if (node->kind != NODE_TEXT)
        return fail(ERR_PARSE, "'%s' is %s, not a text", node->key, node_kind_text(node));
    TRY(opt_set(row, &t->is, node->text, a));
    if (strcmp(row->name, "extract") == 0) return check_pattern(node->text);
    if (strcmp(row->name, "prompt") == 0) t->prompt_line = node->place.line;
    if (strcmp(row->name, "expected") == 0) t->expected_line = node->place.line;
    if (strcmp(row->name, "prompt") == 0 || strcmp(row->name, "expected") == 0) {
        err result = check_template(node->text);
        if (result != ERR_OK) return fail_in(result, "%s", row->name);
    }
    return ERR_OK;
}

static err take_keys(struct user_task *t, const struct recipe_node *top, struct arena *a,
                     struct recipe_faults *faults) {
    TRY(opt_presets(OPT_TABLE(rows), &t->is, a));
    for (const struct recipe_node *node = top->first; node != NULL; node = node->next) {
        err result = take_key(t, node, a);
        if (result != ERR_OK) TRY(recipe_fault_take(faults, a, result, node->place));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].required && node_find(top, rows[i].name) == NULL)
            TRY(recipe_fault(faults, a, ERR_PARSE, top->place, "no key '%s'", rows[i].name));
    return ERR_OK;
}

static err read_file(struct user_task *t, struct arena *a) {
    struct str text = {0};
    struct recipe_node *top = NULL;
    struct recipe_faults *faults = arena_alloc(a, 1, sizeof *faults);
    if (faults == NULL) return ERR_MEMORY;
    err result = file_read(t->file, YAML_MAX_BYTES, &text);
    if (result == ERR_OK) result = yaml_read(str_text(&text), text.len, t->file, a, faults, &top);
    str_release(&text);
    TRY(result);
    if (top != NULL && top->kind == NODE_MAP)
        TRY(take_keys(t, top, a, faults));
    else if (faults->n == 0)
        return fail(ERR_PARSE, "'%s' is no mapping of keys", t->file);
    return recipe_faults_err(faults);
}

/* The data's path is relative to the file that names it. */
static err place_data(struct user_task *t, struct arena *a) {
    char *folder = path_dir(t->file);
    char *path = folder != NULL ? path_join(folder, t->is.data) : NULL;
    if (path != NULL) t->is.data = arena_strdup(a, path);
    bool whole = path != NULL && t->is.data != NULL;
    mem_free(folder);
    mem_free(path);
    return whole ? ERR_OK : ERR_MEMORY;
}

/* Gates say TASK.SCORE: CONDITION, and lists of tasks have commas between them. */
static err check_name(const struct user_task *t) {
    static const char apart[] = ".,: \t/";
    const char *at = strpbrk(t->is.name, apart);
    if (t->is.name[0] == '\0') return fail(ERR_PARSE, "task file '%s': an empty name", t->file);
    if (at == NULL) return ERR_OK;
    (void)fail(ERR_PARSE, "task file '%s': the name '%s' has a '%c' in it", t->file, t->is.name,
               *at);
    return fail_hint(ERR_PARSE, "'-' and '_' may stand between words");
}

/* Each once, so there is room for all. */
static err check_metrics(const struct opt_list *names, const char *file) {
    if (names->n == 0) return fail(ERR_PARSE, "task file '%s': no metric", file);
    for (int64_t i = 0; i < names->n; i++)
        for (int64_t k = 0; k < i; k++)
            if (strcmp(names->items[i], names->items[k]) == 0)
                return fail(ERR_PARSE, "task file '%s': metric '%s' twice", file, names->items[i]);
    return ERR_OK;
}

static err open_one(struct user_tasks *u, const char *file) {
    struct user_task *t = arena_alloc(&u->arena, 1, sizeof *t);
    if (t == NULL) return ERR_MEMORY;
    t->file = file;
    TRY(read_file(t, &u->arena));
    TRY(check_name(t));
    TRY(place_data(t, &u->arena));
    TRY(check_metrics(&t->is.metric, file));
    const char *metric = t->is.metric.items[0];
    t->patterns[0] = t->is.extract;
    t->scorer = (struct scorer){.metric = metric,
                                .measured = metric_of(metric)->measured,
                                .summary = "as the task's file says",
                                .patterns = t->patterns,
                                .n_patterns = t->is.extract != NULL,
                                .score = score};
    for (int64_t i = 1; i < t->is.metric.n; i++)
        t->scorer.extras[i - 1] =
            (struct scorer_extra){.name = t->is.metric.items[i],
                                  .summary = "as the task's file says",
                                  .measured = metric_of(t->is.metric.items[i])->measured};
    t->suite = (struct suite){.prompt_by = "user",
                              .max_new_tokens = t->is.max_new_tokens,
                              .form = ANSWER_TEXT,
                              .scorer = &t->scorer,
                              .load = load,
                              .own = t};
    t->task = (struct eval_task){.name = t->is.name,
                                 .summary = "a user's own task",
                                 .higher_is_better = true,
                                 .has_items = true,
                                 .need = suite_need,
                                 .run = suite_run,
                                 .suite = &t->suite};
    u->items[u->n] = &t->task;
    for (int64_t i = 0; i < u->n + n_eval_tasks; i++) {
        const struct eval_task *other = i < u->n ? u->items[i] : eval_tasks[i - u->n];
        if (strcmp(other->name, t->task.name) == 0)
            return fail(ERR_EXISTS, "task file '%s': there is a task '%s' already", file,
                        t->task.name);
    }
    u->n++;
    return ERR_OK;
}

err user_tasks_open(struct user_tasks *u, const struct opt_list *files) {
    *u = (struct user_tasks){0};
    if (files->n == 0) return ERR_OK;
    u->items = arena_alloc(&u->arena, (size_t)files->n, sizeof *u->items);
    err result = u->items != NULL ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < files->n && result == ERR_OK; i++)
        result = open_one(u, files->items[i]);
    if (result != ERR_OK) user_tasks_close(u);
    return result;
}

void user_tasks_close(struct user_tasks *u) {
    arena_release(&u->arena);
    *u = (struct user_tasks){0};
}

err user_tasks_find(const struct user_tasks *u, const char *name, const struct eval_task **out) {
    for (int64_t i = 0; u != NULL && i < u->n; i++) {
        if (strcmp(u->items[i]->name, name) != 0) continue;
        *out = u->items[i];
        return ERR_OK;
    }
    return eval_task_find(name, out);
}

const char *user_task_data(const struct eval_task *task) {
    const struct user_task *t = task->suite->own;
    return t->is.data;
}

bool user_tasks_has(const struct user_tasks *u, const struct eval_task *task) {
    for (int64_t i = 0; i < u->n; i++)
        if (u->items[i] == task) return true;
    return false;
}
