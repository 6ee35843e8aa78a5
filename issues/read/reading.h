/* SPDX-License-Identifier: Apache-2.0
 * What a post says: whether it is a training request, of which kind otherwise, and the request's
 * fields, each with the stretches of the body that it came from. Rules alone, no model: the same
 * text gives the same reading everywhere. Understood are labelled lines (Chinese and English),
 * tables, issue forms, the programme's copy-paste block (issues/form/), and prose.
 * Nothing of a post is ever run or followed; time and memory grow with its length.
 * Read next: issues/read/kinds.def, issues/read/labels.def, issues/read/cues.def. */
#ifndef COTRAIN_ISSUES_READ_READING_H
#define COTRAIN_ISSUES_READ_READING_H

#include "base/opt.h"
#include "issues/calendar/calendar.h"
#include "issues/post.h"

enum post_kind {
#define KIND(name, help) KIND_##name,
#include "issues/read/kinds.def"
#undef KIND
    KIND_COUNT
};
struct kind_row {
    const char *name, *help;
};
extern const struct kind_row kind_rows[KIND_COUNT];

/* Characters (code points) of the body as GitHub gave it, [begin, end). */
struct stretch {
    int64_t begin, end;
};
enum { PIECE_MAX_STRETCHES = 16 };

/* What the post says of one thing. `text` NULL: it is not said. The text is the post's own words,
 * without zero-width characters and CR: one stretch, or several with only words and punctuation of
 * ours between them ("A (B, C)"); [begin, end) is the hull. A value out of JSON has lost its
 * escapes and has the stretch of its object. A piece of the title has `of_title`. */
struct piece {
    const char *text;
    int64_t begin, end;
    struct stretch *stretches;
    int64_t n_stretches;
    bool of_title;
};
struct piece_list {
    struct piece *items;
    int64_t n;
};
struct piece_pair {
    struct piece prompt, response; /* response.text NULL: an example that is not a pair */
};

struct reading {
    const char *id; /* the post's; the second request of a post has ".2" behind it, and so on */
    enum post_kind kind;
    bool is_request;
    const char *language; /* "zh", "en", or "" when there is no text to tell by */
    const char *form;     /* "labelled", "issue-form", "prose", "" for what is no request */
    struct piece scenario, input, output, remark;
    struct piece_list capability, constraints;
    struct piece_pair *examples;
    int64_t n_examples;
    const char *missing[3]; /* of "input", "output", "examples", in this order */
    int64_t n_missing;
    const char *reason; /* why it was taken for that kind, for a person to read */
};
/* At least one. More than one only where each item of a post has a scenario label of its own. */
struct reading_list {
    struct reading *items;
    int64_t n;
};

/* Who belongs to the programme and where it collects. */
struct reading_context {
    struct opt_list maintainers; /* logins, beside MEMBER, OWNER and COLLABORATOR */
    const char *repository;      /* of the collecting issue, or NULL */
    int64_t issue;               /* its number: its own body is never a request */
};

/* Whether an author belongs to the programme: by GitHub's author_association, or as a maintainer.
 * Either may be NULL; logins have no case. */
bool reading_is_staff(const char *login, const char *association,
                      const struct reading_context *context);

/* Texts live in the arena, which must outlive the reading. */
MUST_CHECK err post_read(const struct post *post, const struct reading_context *context,
                         struct arena *a, struct reading_list *out);

/* One reading of a post, with the month that plans it, as `issues parse --json` prints it. The
 * caller json_decref()s. */
MUST_CHECK err reading_json(const struct post *post, const struct reading *reading,
                            const struct zone *zone, json_t **out);

#endif
