/* SPDX-License-Identifier: Apache-2.0
 * `cotrain eval report`: an evaluation, alone or against another one, as lines, as Markdown for a
 * card or a comment, and as a page with every item.
 * Read next: eval/page.h, eval/markdown.h. */
#include "base/file.h"
#include "cli/command.h"
#include "eval/markdown.h"
#include "eval/page.h"
#include "eval/score.h"

struct eval_report_options {
    const char *report, *against, *html, *name, *answers, *answers_against;
    bool markdown, json;
};

#define ROW(field, ...) OPT(struct eval_report_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(report, .required = true, .positional = true, .value = "REPORT", .path = true,
        .help = "a report of `eval run` (JSON)"),
    ROW(against, .value = "REPORT", .path = true,
        .help = "what it is held against: a report of the same requests and items"),
    ROW(markdown, .help = "tables for a card or a comment"),
    ROW(name, .value = "NAME",
        .help = "with --markdown: begins with the model-index that hubs read, of that model"),
    ROW(html, .value = "FILE", .help = "writes a page with every item there"),
    ROW(answers, .value = "FILE", .path = true,
        .help = "answers kept by --generations: the page shows suites' prompts and answers whole"),
    ROW(answers_against, .value = "FILE", .path = true, .help = "likewise, of the report before"),
    ROW(json, .help = "the rows of the tables as JSON"),
};

static err add_markdown(const struct eval_report_options *o, const json_t *before,
                        const json_t *after, struct str *out) {
    if (o->name != NULL) {
        TRY(str_add(out, "---\n"));
        TRY(report_model_index(o->name, before, after, out));
        TRY(str_add(out, "---\n\n"));
    }
    return report_table(before, after, out);
}

static err write_page(const struct eval_report_options *o, const json_t *before,
                      const json_t *after) {
    struct str page = {0};
    json_t *lines = NULL, *lines_before = NULL;
    err result = o->answers != NULL ? score_read_all(o->answers, &lines) : ERR_OK;
    if (result == ERR_OK && o->answers_against != NULL)
        result = score_read_all(o->answers_against, &lines_before);
    if (result == ERR_OK)
        result = eval_page_write(&(struct eval_page){.before = before,
                                                     .after = after,
                                                     .answers_before = lines_before,
                                                     .answers_after = lines},
                                 &page);
    if (result == ERR_OK) result = file_write(o->html, page.data, page.len);
    json_decref(lines_before);
    json_decref(lines);
    str_release(&page);
    return result;
}

static err show_json(const json_t *before, const json_t *after) {
    json_t *value = NULL;
    err result = report_rows_json(before, after, &value);
    if (result == ERR_OK) result = print_json(value);
    json_decref(value);
    return result;
}

static err show(const struct eval_report_options *o, const json_t *before, const json_t *after) {
    struct str text = {0};
    if (o->json) return show_json(before, after);
    err result = o->markdown      ? add_markdown(o, before, after, &text)
                 : before != NULL ? report_table(before, after, &text)
                                  : report_text(after, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct eval_report_options *o = given;
    json_t *before = NULL, *after = NULL;
    (void)arena;
    err result = report_read(o->report, &after);
    if (result == ERR_OK && o->against != NULL) result = report_read(o->against, &before);
    if (result == ERR_OK && o->html != NULL) result = write_page(o, before, after);
    if (result == ERR_OK && (o->html == NULL || o->markdown || o->json))
        result = show(o, before, after);
    json_decref(before);
    json_decref(after);
    return result;
}

const struct command cmd_eval_report = {
    .noun = "eval",
    .verb = "report",
    .summary = "an evaluation as lines, Markdown, or a page with every item",
    .details = "With --against also what changed since that report. The page needs nothing but\n"
               "itself; items that were lost come first. Of sealed cases it shows hashes.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct eval_report_options),
    .run = run,
};
