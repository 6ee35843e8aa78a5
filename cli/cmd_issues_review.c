/* SPDX-License-Identifier: Apache-2.0
 * cotrain issues review: walks a maintainer through the requests that nobody has decided on. Each
 * decision is written and committed at once, so the walk may end anywhere. Decisions also come from
 * a file (--decisions), or from request files that were edited by hand, which are checked and
 * committed first of all.
 * Read next: issues/review.h, cli/request_view.h. */
#include "cli/command.h"
#include "cli/programme.h"
#include "cli/request_view.h"
#include "cli/terminal.h"

#include <string.h>

struct review_options {
    const char *program, *month, *id, *decisions, *by, *today;
    bool all;
};

#define ROW(field, ...) OPT(struct review_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(id, .positional = true, .value = "REQUEST",
        .help = "one request, whatever has been decided (default: all undecided ones)"),
    ROW(program, .preset = ".", .value = "DIR", .help = PROGRAM_HELP),
    ROW(month, .value = "YYYY-MM", .help = "only requests of this plan month"),
    ROW(decisions, .value = "FILE", .help = "decisions as YAML; nothing is asked then"),
    ROW(all, .help = "also those that wait for information"),
    ROW(by, .value = "NAME", .help = BY_HELP),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
};

struct reviewing {
    const struct review_options *options;
    struct program *program;
    struct record_list records;
    struct arena *arena;
    const char *by; /* who decides, at a terminal */
    char today[DAY_SIZE];
    int64_t n_decided;
};

/* ---- from a file ---- */

static err tell(const char *what, const struct record *r) {
    struct str text = {0};
    err e = str_printf(&text, "%-10s  %s  ", what, r->id);
    if (e == ERR_OK) e = terminal_add_line(record_name(r), 120, &text);
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err decide(struct reviewing *s, const struct decision *d) {
    struct record *r;
    bool changed;
    TRY(review_decide(s->program, d, &s->records, &changed));
    s->n_decided += changed;
    TRY(record_find(&s->records, d->id, &r));
    return tell(changed ? state_rows[record_state(r)].word : "as it was", r);
}

static err from_file(struct reviewing *s) {
    struct decision_list list;
    err e = decisions_read(s->options->decisions, &list);
    for (int64_t i = 0; i < list.n && e == ERR_OK; i++) {
        e = decide(s, &list.items[i]);
        if (e != ERR_OK) e = fail_in(e, "'%s'", s->options->decisions);
    }
    decision_list_release(&list);
    return e;
}

/* ---- at a terminal ---- */

enum answer { ANSWER_DECIDED, ANSWER_SKIP, ANSWER_AGAIN, ANSWER_QUIT };

static err ask(struct reviewing *s, const char *question, const char **out, bool *out_more) {
    struct str line = {0};
    *out = NULL;
    err e = terminal_ask(question, &line, out_more);
    if (e == ERR_OK && utf8_invalid_at(str_text(&line), line.len) >= 0)
        e = fail(ERR_PARSE, "the answer is no UTF-8 text");
    if (e == ERR_OK && line.len > 0) {
        *out = arena_strdup(s->arena, str_text(&line));
        if (!*out) e = ERR_MEMORY;
    }
    str_release(&line);
    return e;
}

/* "a, b" as a list. */
static err words(struct reviewing *s, const char *text, struct opt_list *out) {
    while (*text) {
        size_t n = strcspn(text, ", ");
        if (n > 0) {
            const char *word = arena_strndup(s->arena, text, n);
            if (!word) return ERR_MEMORY;
            TRY(opt_list_add(out, s->arena, word));
        }
        text += n + (text[n] != '\0');
    }
    return ERR_OK;
}

static err complain(void) {
    struct str text = {0};
    err e = str_printf(&text, "  %s\n", err_message());
    if (e == ERR_OK && err_hint()[0]) e = str_printf(&text, "  (%s)\n", err_hint());
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

/* A refused decision is told and asked again; anything else ends the walk. */
static err try_decision(struct reviewing *s, const struct decision *d, enum answer *out) {
    err e = decide(s, d);
    *out = e == ERR_OK ? ANSWER_DECIDED : ANSWER_AGAIN;
    if (e == ERR_GATE || e == ERR_MISSING || e == ERR_RANGE || e == ERR_USAGE) return complain();
    return e;
}

static err accept(struct reviewing *s, struct record *r, struct decision *d, enum answer *out) {
    struct review_finds finds;
    const char *allowed;
    bool more;
    d->decision = "accept";
    TRY(review_find_sensitive(r, s->arena, &finds));
    if (finds.n > 0) {
        TRY(ask(s, "  names of finds that may be published (empty: none) > ", &allowed, &more));
        if (allowed) TRY(words(s, allowed, &d->allow));
    }
    return try_decision(s, d, out);
}

/* The records as the files have them now. */
static err read_again(struct reviewing *s) {
    struct record_list again;
    err e = records_read(s->program, NULL, &again);
    if (e != ERR_OK) {
        record_list_release(&again);
        return e;
    }
    record_list_release(&s->records);
    s->records = again;
    return ERR_OK;
}

/* A fault in the file is told, and the file stays for another try. */
static err edit(struct reviewing *s, struct record *r, enum answer *out) {
    const char *path;
    *out = ANSWER_AGAIN;
    TRY(program_path(s->program, r->path, s->arena, &path));
    TRY(terminal_edit(path));
    err e = read_again(s);
    return e == ERR_OK || e == ERR_MEMORY ? e : complain();
}

static err answer(struct reviewing *s, struct record *r, const char *letter, enum answer *out) {
    struct decision d = {.id = r->id, .by = s->by, .date = s->today};
    bool more;
    *out = ANSWER_AGAIN;
    switch (letter[0]) {
    case 'a': return accept(s, r, &d, out);
    case 'r':
        d.decision = "reject";
        TRY(ask(s, "  reason, as the requester will read it > ", &d.reason, &more));
        return try_decision(s, &d, out);
    case 'n':
        d.decision = "needs-info";
        TRY(ask(s, "  what is asked beyond what is missing (may be empty) > ", &d.reason, &more));
        return try_decision(s, &d, out);
    case 'm':
        d.decision = "merge";
        TRY(ask(s, "  into which request > ", &d.into, &more));
        return try_decision(s, &d, out);
    case 'e': return edit(s, r, out);
    case 's': *out = ANSWER_SKIP; return ERR_OK;
    case 'q': *out = ANSWER_QUIT; return ERR_OK;
    default: return ERR_OK;
    }
}

static err view(struct reviewing *s, const struct record *r) {
    struct request_view v = {
        .program = s->program, .all = &s->records, .arena = s->arena, .whole = true};
    struct str text = {0};
    err e = str_add(&text, "\n");
    if (e == ERR_OK) e = request_view_text(&v, r, &text);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err walk_one(struct reviewing *s, const char *id, enum answer *out) {
    *out = ANSWER_AGAIN;
    while (*out == ANSWER_AGAIN) {
        struct record *r;
        const char *letter;
        bool more;
        TRY(record_find(&s->records, id, &r));
        TRY(view(s, r));
        TRY(ask(s, "[a]ccept  [r]eject  [n]eeds info  [m]erge  [e]dit  [s]kip  [q]uit > ", &letter,
                &more));
        if (!more) {
            *out = ANSWER_QUIT;
            return ERR_OK;
        }
        if (letter) TRY(answer(s, r, letter, out));
    }
    return ERR_OK;
}

static bool wanted(const struct reviewing *s, const struct record *r) {
    const struct review_options *o = s->options;
    enum record_state state = record_state(r);
    if (o->month && strcmp(r->month, o->month) != 0) return false;
    return state == RECORD_NEW || (o->all && state == RECORD_NEEDS_INFO);
}

static err walk(struct reviewing *s) {
    enum answer last = ANSWER_SKIP;
    struct record *one;
    if (s->options->id) {
        TRY(record_find(&s->records, s->options->id, &one));
        return walk_one(s, one->id, &last);
    }
    /* Ids first: editing reads the records anew. */
    const char **ids = arena_alloc(s->arena, (size_t)s->records.n + 1, sizeof *ids);
    int64_t n = 0;
    if (!ids) return ERR_MEMORY;
    for (int64_t i = 0; i < s->records.n; i++) {
        if (!wanted(s, &s->records.items[i])) continue;
        ids[n] = arena_strdup(s->arena, s->records.items[i].id);
        if (!ids[n++]) return ERR_MEMORY;
    }
    for (int64_t i = 0; i < n && last != ANSWER_QUIT; i++) TRY(walk_one(s, ids[i], &last));
    return ERR_OK;
}

/* ---- all of it ---- */

static err say_what_is_left(const struct reviewing *s) {
    struct str text = {0};
    int64_t n_left = 0;
    for (int64_t i = 0; i < s->records.n; i++) n_left += wanted(s, &s->records.items[i]);
    err e = str_printf(&text, "%lld decided, %lld undecided\n", (long long)s->n_decided,
                       (long long)n_left);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err review(struct reviewing *s) {
    const struct review_options *o = s->options;
    int64_t n_edited = 0;
    TRY(programme_today(s->program, o->today, s->today));
    TRY(records_read(s->program, NULL, &s->records));
    if (o->decisions) return from_file(s);
    TRY(programme_person(s->program, o->by, s->arena, &s->by));
    err e = review_take_edits(s->program, &s->records, s->by, s->today, &n_edited);
    if (e == ERR_OK) e = walk(s);
    if (e == ERR_OK) e = read_again(s); /* what an editor left behind must be in order */
    if (e == ERR_OK) e = review_take_edits(s->program, &s->records, s->by, s->today, &n_edited);
    s->n_decided += n_edited;
    if (e == ERR_OK) e = say_what_is_left(s);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct review_options *o = given;
    struct program p;
    struct reviewing s = {.options = o, .program = &p, .arena = arena};
    TRY(program_open(o->program, &p));
    err e = review(&s);
    record_list_release(&s.records);
    program_close(&p);
    return e;
}

const struct command cmd_issues_review = {
    .noun = "issues",
    .verb = "review",
    .summary = "decides on requests: accept, reject, ask, merge, edit",
    .details = "Each decision is a commit. A request file may also be edited by hand: what was\n"
               "changed is checked and committed when the review begins.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct review_options),
    .run = run,
};
