/* SPDX-License-Identifier: Apache-2.0
 * What a post says: whether it is a training request, of which kind otherwise, and the request's
 * fields, each with the span of the body that it came from. Rules alone, no model: the same text
 * gives the same reading everywhere. Understood are labelled lines (Chinese and English), issue
 * forms, the programme's copy-paste block, and prose.
 * Read next: issues/kinds.def, issues/labels.def. */
#ifndef COTRAIN_ISSUES_READING_H
#define COTRAIN_ISSUES_READING_H

#include "base/opt.h"
#include "issues/post.h"

enum post_kind {
#define KIND(name, help) KIND_##name,
#include "issues/kinds.def"
#undef KIND
    KIND_COUNT
};
struct kind_row {
    const char *name, *help;
};
extern const struct kind_row kind_rows[KIND_COUNT];

/* A piece of the post. `text` NULL: it is not said. The span counts characters (code points) of the
 * body as GitHub gave it, [begin, end); a piece of the title has `of_title`. */
struct piece {
    const char *text;
    int64_t begin, end;
    bool of_title;
};
struct piece_list {
    struct piece *items;
    int64_t n;
};
struct piece_pair {
    struct piece prompt, response;
};

struct reading {
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

/* Who belongs to the programme and where it collects. */
struct reading_context {
    struct opt_list maintainers; /* logins, beside MEMBER, OWNER and COLLABORATOR */
    const char *repository;      /* of the collecting issue, or NULL */
    int64_t issue;               /* its number: its own body is never a request */
};

/* Texts live in the arena, which must outlive the reading. */
MUST_CHECK err post_read(const struct post *post, const struct reading_context *context,
                         struct arena *a, struct reading *out);

/* One post with its reading, as `issues parse --json` prints it. The caller json_decref()s. */
MUST_CHECK err reading_json(const struct post *post, const struct reading *reading, json_t **out);

#endif
