/* SPDX-License-Identifier: Apache-2.0
 * Filter `sensitive_words`: drops samples that hold a word of the list which data.sensitive_words
 * names.
 * The list is read anew for each build; its hash is part of what a dataset depends on.
 * How a list is read and what counts as one of its words is said in data/text/word_list.h. */
#include "data/filters/filter.h"
#include "data/text/normal.h"
#include "data/text/word_list.h"
#include <stdio.h>

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct str text = {0};
    struct normal normal = {0};
    err e = sample_text(filter_sample(p, number), &text);
    if (e == ERR_OK) e = normal_set(&normal, str_text(&text), text.len);
    int64_t from = 0;
    const char *word = e == ERR_OK ? word_list_find(ctx, &normal, &from) : NULL;
    if (word) {
        out->drop = true;
        snprintf(out->reason, sizeof out->reason, "the word '%.100s'", word);
    }
    normal_release(&normal);
    str_release(&text);
    return e;
}

static err run(struct filter_pass *p) {
    const char *path = filter_word_list(p);
    struct word_list *words;
    if (!path) {
        (void)fail(ERR_MISSING, "data.sensitive_words names no list of words");
        return fail_hint(ERR_MISSING, "name a file of words there, one a line");
    }
    TRY(word_list_read(&words, path));
    err e = filter_each(p, look, NULL, words);
    word_list_free(words);
    return e;
}

const struct filter filter_sensitive_words = {
    .name = "sensitive_words",
    .summary = "samples with a word of the list that data.sensitive_words names",
    .run = run,
};
