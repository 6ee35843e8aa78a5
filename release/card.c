/* SPDX-License-Identifier: Apache-2.0
 * The model card (release/card.h). Texts from outside (names, scenarios, summaries) are quoted as
 * JSON strings in the front matter, which YAML reads as its own double-quoted ones.
 * Read next: release/card_words.c for what to do with it, eval/markdown.c for the table. */
#include "release/card.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/markdown.h"
#include "eval/rows.h"
#include "release/card_words.h"
#include "release/gguf.h"
#include <string.h>

enum { SHOWN_REGRESSIONS = 10, MAX_CARD_BYTES = 4 << 20 };
static const double SIGNIFICANT = 0.05;

#define YUAN_LICENSE_LINK "https://github.com/IEIT-Yuan/Yuan-2.0/blob/main/LICENSE-Yuan"

/* "  key: "text"\n" */
static err add_row(struct str *out, const char *indent_and_key, const char *text) {
    TRY(str_printf(out, "%s: ", indent_and_key));
    TRY(json_quote(out, text));
    return str_add(out, "\n");
}

static const char *about(const json_t *manifest, const char *key) {
    return json_string_value(json_object_get(json_object_get(manifest, "about"), key));
}

static bool has_adapter(const json_t *manifest) {
    return json_is_string(json_object_get(json_object_get(manifest, "chain"), "adapter"));
}

static bool has_task(const json_t *report, const char *task, const json_t **out) {
    json_t *tasks = json_object_get(report, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        *out = json_array_get(tasks, i);
        const char *name = json_string_value(json_object_get(*out, "task"));
        if (name != NULL && strcmp(name, task) == 0) return true;
    }
    return false;
}

bool card_license_is_other(const char *license) {
    return str_starts(license, "license-");
}

const char *card_license_link(const json_t *from) {
    const char *link = json_string_value(json_object_get(from, "license_link"));
    bool is_yuan = strcmp(json_text_of(from, "license"), "license-yuan") == 0;
    return link == NULL && is_yuan ? YUAN_LICENSE_LINK : link;
}

static err add_license(const json_t *manifest, struct str *out) {
    const char *license = about(manifest, "license");
    const char *link = card_license_link(json_object_get(manifest, "about"));
    bool is_other = card_license_is_other(license);
    TRY(add_row(out, "license", is_other ? "other" : license));
    if (is_other) TRY(add_row(out, "license_name", license));
    if (link != NULL) TRY(add_row(out, "license_link", link));
    return ERR_OK;
}

static err add_front_matter(const json_t *manifest, const json_t *before, const json_t *after,
                            struct str *out) {
    const json_t *languages = json_object_get(json_object_get(manifest, "about"), "languages");
    const char *month = about(manifest, "month");
    TRY(str_add(out, "---\n"));
    TRY(add_license(manifest, out));
    TRY(add_row(out, "base_model", about(manifest, "base_model")));
    TRY(str_add(out, "base_model_relation: finetune\nlibrary_name: transformers\n"
                     "pipeline_tag: text-generation\n"));
    if (json_array_size(languages) > 0) TRY(str_add(out, "language:\n"));
    for (size_t i = 0; i < json_array_size(languages); i++) {
        TRY(str_add(out, "- "));
        TRY(json_quote(out, json_string_value(json_array_get(languages, i))));
        TRY(str_add(out, "\n"));
    }
    TRY(str_add(out, "tags:\n- yuan2\n- cotrain\n"));
    if (has_adapter(manifest)) TRY(str_add(out, "- lora\n"));
    if (json_object_size(release_formats_measured(manifest)) > 0) TRY(str_add(out, "- gguf\n"));
    if (month != NULL) TRY(str_printf(out, "- \"%s\"\n", month)); /* or YAML may read a date */
    TRY(report_model_index(about(manifest, "name"), before, after, out));
    return str_add(out, "---\n");
}

/* Cases that were right before and are wrong now, by place: a report's items stand in one order. */
static err add_lost_cases(const json_t *was, const json_t *is, struct str *out, int64_t *n_lost) {
    const json_t *items_was = json_object_get(was, "items"),
                 *items_is = json_object_get(is, "items");
    for (size_t i = 0; i < json_array_size(items_is); i++) {
        const json_t *a = json_array_get(items_was, i), *b = json_array_get(items_is, i);
        if (!json_is_true(json_object_get(a, "exact")) || json_is_true(json_object_get(b, "exact")))
            continue;
        if (++*n_lost > SHOWN_REGRESSIONS) continue;
        const char *prompt = json_string_value(json_object_get(b, "prompt"));
        if (prompt == NULL) prompt = json_string_value(json_object_get(b, "prompt_sha256"));
        TRY(str_add(out, "- 原先答对 / answered before, not any more: "));
        TRY(json_quote(out, prompt != NULL ? prompt : ""));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

/* "- gsm8k_cn accuracy: 0.5000 -> 0.4000 (+3 -9, p 0.146: ...)" */
static err add_worse(const struct report_row *row, struct str *out) {
    const char *name = row->scenario != NULL ? row->scenario : row->request;
    TRY(str_add(out, "- "));
    TRY(markdown_text(out, name != NULL ? name : row->task));
    TRY(str_printf(out, " %s: %.4f → %.4f", row->score, row->before, row->after));
    if (!row->is_paired) return str_add(out, "\n");
    return str_printf(out, " (+%lld −%lld, p = %.3g: %s)\n", (long long)row->won,
                      (long long)row->lost, row->p_value,
                      row->p_value < SIGNIFICANT ? "显著 / beyond chance"
                                                 : "可能是偶然 / may be chance");
}

static err add_worse_scores(const json_t *before, const json_t *after, struct str *out,
                            int64_t *n_worse) {
    struct report_rows rows;
    err result = report_rows(before, after, &rows);
    for (int64_t i = 0; i < rows.n && result == ERR_OK; i++) {
        const struct report_row *row = &rows.rows[i];
        if (!row->is_metric || !row->has_before || !(report_row_gain(row) < 0.0)) continue;
        ++*n_worse;
        result = add_worse(row, out);
    }
    report_rows_release(&rows);
    return result;
}

static err add_regressions(const json_t *before, const json_t *after, struct str *out) {
    const json_t *was = NULL, *is = NULL;
    int64_t n_worse = 0, n_lost = 0;
    TRY(card_heading(out, "已知退步", "Known regressions"));
    TRY(add_worse_scores(before, after, out, &n_worse));
    if (has_task(before, "requests", &was) && has_task(after, "requests", &is))
        TRY(add_lost_cases(was, is, out, &n_lost));
    if (n_lost > SHOWN_REGRESSIONS)
        TRY(str_printf(out, "- +%lld\n", (long long)(n_lost - SHOWN_REGRESSIONS)));
    if (n_worse + n_lost > 0)
        return card_words(out, "\n括号中是逐项配对的得失与 McNemar 检验。",
                          "In brackets: items won and lost in pairs, and McNemar's test.");
    return card_words(out, "所测之中没有。", "None among what was measured.");
}

static err add_requests(const json_t *manifest, struct str *out) {
    json_t *rows = json_object_get(manifest, "requests");
    TRY(card_heading(out, "需求", "Requests"));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *scenario = json_string_value(json_object_get(row, "scenario"));
        const char *capability = json_string_value(json_object_get(row, "capability"));
        TRY(str_printf(out, "- `%s`", json_string_value(json_object_get(row, "id"))));
        if (scenario != NULL) TRY(str_add(out, ": "));
        if (scenario != NULL) TRY(markdown_text(out, scenario));
        if (capability != NULL) TRY(str_add(out, " ("));
        if (capability != NULL) TRY(markdown_text(out, capability));
        TRY(str_add(out, capability != NULL ? ")\n" : "\n"));
    }
    return ERR_OK;
}

/* Where evaluations during training decided something: which step's model this is. */
static err add_choice(const json_t *manifest, struct str *out) {
    const json_t *choice = json_object_get(manifest, "choice");
    const long long planned = json_int_of(choice, "planned_steps"),
                    kept = json_int_of(choice, "kept_step"),
                    best = json_int_of(choice, "best_step");
    const double value = json_number_value(json_object_get(choice, "best_value"));
    const char *metric = json_text_of(choice, "metric");
    if (choice == NULL) return ERR_OK;
    TRY(str_printf(out, "\n训练计划 %lld 步，此为第 %lld 步的模型；", planned, kept));
    TRY(markdown_text(out, metric));
    TRY(str_printf(
        out,
        " 在第 %lld 步最优：%.6g。\n\nOf %lld steps that were planned, this is the model "
        "of step %lld; ",
        best, value, planned, kept));
    TRY(markdown_text(out, metric));
    return str_printf(out, " was best at step %lld: %.6g.\n", best, value);
}

static err add_intro(const json_t *manifest, struct str *out) {
    const char *summary = about(manifest, "summary"), *month = about(manifest, "month");
    const char *base = about(manifest, "base_model");
    const char *zh = has_adapter(manifest) ? "LoRA 微调" : "全量微调";
    const char *en = has_adapter(manifest) ? "LoRA fine-tuning" : "Full fine-tuning";
    TRY(str_printf(out, "\n# %s\n\n", about(manifest, "name")));
    if (summary != NULL) TRY(str_printf(out, "%s\n\n", summary));
    TRY(str_printf(out, "对 `%s` 的%s", base, zh));
    if (month != NULL) TRY(str_printf(out, "，回应 %s 月的需求", month));
    TRY(str_printf(out, "。\n\n%s of `%s`", en, base));
    if (month != NULL) TRY(str_printf(out, " on the requests of %s", month));
    TRY(str_add(out, ".\n"));
    return add_choice(manifest, out);
}

err card_write(const json_t *manifest, const json_t *before, const json_t *after, struct str *out) {
    TRY(add_front_matter(manifest, before, after, out));
    TRY(add_intro(manifest, out));
    TRY(card_heading(out, "训练前后", "Before and after"));
    TRY(report_table(before, after, out));
    TRY(add_regressions(before, after, out));
    TRY(add_requests(manifest, out));
    return card_use(manifest, out);
}

/* The line in which two texts begin to differ, from 1. */
static int64_t first_difference(const char *a, const char *b) {
    int64_t line = 1;
    for (; *a == *b && *a != '\0'; a++, b++) line += *a == '\n';
    return line;
}

err card_read(const char *dir, const char *name, struct str *out) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, MAX_CARD_BYTES, out);
    if (result == ERR_OK && strlen(str_text(out)) != out->len)
        result = fail(ERR_GATE, "'%s' holds a NUL", name);
    mem_free(path);
    return result;
}

err card_same_words(const char *name, const char *wanted, const char *found) {
    if (strcmp(wanted, found) == 0) return ERR_OK;
    return fail(ERR_GATE,
                "'%s': line %lld was edited: it is not what the manifest and what it was made from "
                "give",
                name, (long long)first_difference(wanted, found));
}

static err check_words(const struct card_claims *c) {
    struct str again = {0};
    err result = card_write(c->manifest, c->before, c->after, &again);
    if (result == ERR_OK) result = card_same_words("README.md", str_text(&again), c->card);
    str_release(&again);
    return result;
}

err card_check(const struct card_claims *c, bool *out_whole) {
    struct str table = {0}, index = {0};
    const json_t *version = json_object_get(c->manifest, "card");
    err result = report_table(c->before, c->after, &table);
    if (result == ERR_OK)
        result = report_model_index(about(c->manifest, "name"), c->before, c->after, &index);
    if (result == ERR_OK && strstr(c->card, str_text(&table)) == NULL)
        result = fail(ERR_GATE, "'README.md': its table is not what the evaluation reports say");
    if (result == ERR_OK && strstr(c->card, str_text(&index)) == NULL)
        result =
            fail(ERR_GATE, "'README.md': its model-index is not what the evaluation reports say");
    *out_whole = json_is_integer(version) && json_integer_value(version) == CARD_VERSION;
    if (result == ERR_OK && *out_whole) result = check_words(c);
    str_release(&table);
    str_release(&index);
    return result;
}
