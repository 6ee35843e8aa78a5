/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues parse: reads saved posts (GitHub's JSON) and says of each what it is, and of each
 * training request what it asks for. Nothing is fetched and nothing is written.
 * Read next: issues/read/reading.h. */
#include "cli/command.h"

#include "issues/read/reading.h"
#include <string.h>

struct parse_options {
    const char *posts, *repository, *time_zone;
    int64_t issue;
    struct opt_list maintainers;
    bool json;
};

#define ROW(field, ...) OPT(struct parse_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(posts, .positional = true, .required = true, .path = true, .value = "FILE-OR-FOLDER",
        .help = "issues and comments as GitHub's REST API gives them"),
    ROW(repository, .value = "OWNER/REPOSITORY", .help = "of the issue that collects requests"),
    ROW(issue, .min = 1, .max = 1e9, .value = "NUMBER",
        .help = "of the issue that collects requests"),
    ROW(maintainers, .value = "LOGIN,LOGIN",
        .help = "maintainers, beside members, owners and collaborators"),
    ROW(time_zone, .preset = "Asia/Shanghai", .value = "ZONE",
        .help = "where months begin: a name, or an offset as +08:00"),
    ROW(json, .help = "as JSON"),
};

struct parse_run {
    const struct parse_options *options;
    struct reading_context context;
    struct zone *zone;
    struct post_list posts;
    struct arena *arena;
    int64_t n_requests;
    int64_t n_kinds[KIND_COUNT];
};

static err add_json(struct parse_run *run, const struct post *post, const struct reading *reading,
                    json_t *out) {
    json_t *one = NULL;
    TRY(reading_json(post, reading, run->zone, &one));
    return json_push(out, one);
}

static err field_text(const char *name, const char *text, struct str *out) {
    if (!text) return ERR_OK;
    TRY(str_printf(out, "  %-11s ", name));
    for (; *text; text++) {
        TRY(str_append(out, text, 1));
        if (*text == '\n') TRY(str_printf(out, "  %-11s ", ""));
    }
    return str_add(out, "\n");
}

static err request_text(const struct parse_run *run, const struct post *post,
                        const struct reading *r, struct str *out) {
    char month[MONTH_TEXT_SIZE];
    TRY(month_text(plan_month(post->created_s, run->zone), month));
    TRY(str_printf(out, "%s  %s, plan %s, %s\n", r->id, post->login ? post->login : "(no account)",
                   month, r->form));
    TRY(field_text("scenario", r->scenario.text, out));
    for (int64_t i = 0; i < r->capability.n; i++)
        TRY(field_text(i ? "" : "capability", r->capability.items[i].text, out));
    TRY(field_text("input", r->input.text, out));
    TRY(field_text("output", r->output.text, out));
    for (int64_t i = 0; i < r->n_examples; i++) {
        TRY(field_text("example", r->examples[i].prompt.text, out));
        TRY(field_text("  response", r->examples[i].response.text, out));
    }
    for (int64_t i = 0; i < r->constraints.n; i++)
        TRY(field_text(i ? "" : "constraints", r->constraints.items[i].text, out));
    TRY(field_text("remark", r->remark.text, out));
    if (r->n_missing > 0) TRY(str_printf(out, "  %-11s", "missing"));
    for (int64_t i = 0; i < r->n_missing; i++)
        TRY(str_printf(out, "%s %s", i ? "," : "", r->missing[i]));
    if (r->n_missing > 0) TRY(str_add(out, "\n"));
    return field_text("because it", r->reason, out);
}

static err add_text(struct parse_run *run, const struct post *post, const struct reading *reading,
                    struct str *out) {
    if (reading->is_request) return request_text(run, post, reading, out);
    return str_printf(out, "%s  %s: %s\n", reading->id, kind_rows[reading->kind].name,
                      reading->reason);
}

static err read_posts(struct parse_run *run, json_t *json, struct str *text) {
    for (int64_t i = 0; i < run->posts.n; i++) {
        const struct post *post = &run->posts.items[i];
        struct reading_list list;
        TRY(post_read(post, &run->context, run->arena, &list));
        for (int64_t k = 0; k < list.n; k++) {
            const struct reading *reading = &list.items[k];
            run->n_requests += reading->is_request;
            run->n_kinds[reading->kind]++;
            TRY(json ? add_json(run, post, reading, json) : add_text(run, post, reading, text));
        }
    }
    return ERR_OK;
}

static err totals(const struct parse_run *run, struct str *out) {
    TRY(str_printf(out, "%lld posts, %lld requests", (long long)run->posts.n,
                   (long long)run->n_requests));
    for (int i = 0; i < KIND_COUNT; i++)
        if (run->n_kinds[i] > 0 && i != KIND_training_request)
            TRY(str_printf(out, ", %lld %s", (long long)run->n_kinds[i], kind_rows[i].name));
    return str_add(out, "\n");
}

static err print_readings(struct parse_run *run) {
    struct str text = {0};
    json_t *json = run->options->json ? json_array() : NULL;
    err code = run->options->json && !json ? fail(ERR_MEMORY, "out of memory") : ERR_OK;
    if (code == ERR_OK) code = read_posts(run, json, &text);
    if (code == ERR_OK && !json) code = totals(run, &text);
    if (code == ERR_OK) code = json ? print_json(json) : print_text(&text);
    json_decref(json);
    str_release(&text);
    return code;
}

static err run(const void *given, struct arena *arena) {
    const struct parse_options *options = given;
    struct parse_run parse = {.options = options, .arena = arena};
    parse.context =
        (struct reading_context){options->maintainers, options->repository, options->issue};
    if (!options->repository != !options->issue)
        return fail(ERR_USAGE, "--repository and --issue name the collecting issue together");
    err code = zone_new(options->time_zone, &parse.zone);
    if (code == ERR_OK) code = posts_read(options->posts, &parse.posts);
    if (code == ERR_OK) code = print_readings(&parse);
    post_list_release(&parse.posts);
    zone_free(parse.zone);
    return code;
}

const struct command cmd_issues_parse = {
    .noun = "issues",
    .verb = "parse",
    .summary = "what saved posts are, and what requests among them ask for",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct parse_options),
    .run = run,
};
