/* SPDX-License-Identifier: Apache-2.0
 * Everything about one post that the rules look at: title and body with their sentences, the body's
 * labels and what its template holds. Made once for a post, in memory of its own.
 * Read next: issues/read/kind.h, which judges it; issues/read/read_prose.h. */
#ifndef COTRAIN_ISSUES_READ_WORDS_H
#define COTRAIN_ISSUES_READ_WORDS_H

#include "issues/read/cues.h"
#include "issues/read/label.h"
#include "issues/read/rules.h"

/* Headings with answers below: an issue form, or a Markdown template. */
struct form {
    int64_t n_headings, n_level3, n_answered, n_filler, n_boxes;
    bool asks_feature, asks_bug; /* its headings are those of software's forms */
};

struct words {
    const struct post *post;
    struct rules rules;
    struct text title, body; /* a comment has no title: the issue's is `thread` */
    struct text thread;
    struct sentence_list title_says, says, thread_says;
    struct label_list labels;
    struct form form;
    int64_t n_words;  /* of the author's own in the body, without greetings like "rt" */
    bool title_alone; /* the body says nothing: image, quotation, "as title" */
    bool code_error;
};

MUST_CHECK err words_read(const struct post *post, struct arena *a, struct words *out);
void form_read(const struct text *t, struct form *out);
/* "zh", "en" or "". */
const char *words_language(const struct words *w);

#endif
