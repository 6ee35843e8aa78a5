/* SPDX-License-Identifier: Apache-2.0
 * The body of a post, or its title, as the rules read it: characters one by one, without those that
 * nobody sees, each with its place in the body as GitHub gave it; the same folded for comparing;
 * and what Markdown says of every line. Any bytes will do; time and memory grow with their number.
 * Read next: issues/read/pattern.h, issues/read/label.h. */
#ifndef COTRAIN_ISSUES_READ_TEXT_H
#define COTRAIN_ISSUES_READ_TEXT_H

#include "base/arena.h"
#include "issues/read/reading.h"
#include <stdbool.h>
#include <stdint.h>

/* GitHub takes 65,536 characters; what is longer is read up to here. */
enum { TEXT_MAX_POINTS = 1 << 18 };

/* Places in the arrays of a struct text, [begin, end). */
struct range {
    int64_t begin, end;
};

enum line_kind {
    LINE_BLANK,
    LINE_WORDS,
    LINE_HEADING, /* `level` of them; "##x" without a blank, too */
    LINE_FENCE,   /* opens or closes a block of code */
    LINE_CODE,
    LINE_QUOTE,
    LINE_TABLE,
    LINE_BORDER, /* the second row of a table */
    LINE_BOX,    /* "- [ ] ..." */
    LINE_RULE,
    LINE_HIDDEN /* a comment, nothing that is shown */
};
struct line {
    struct range at; /* without its newline */
    enum line_kind kind;
    int level;
    int64_t block; /* of code, from 1; 0: none */
};

/* Why a character is not the author's own plain word. */
enum { MASK_CODE = 1, MASK_QUOTE = 2, MASK_HIDDEN = 4 };

struct text {
    uint32_t *point; /* as written, without zero-width and direction marks and CR; ends with 0 */
    uint32_t *fold;  /* lower case, half width, simplified, one kind of blank and colon */
    uint32_t *said;  /* as `fold`; TEXT_STOP in place of what has a mask */
    int64_t *at;     /* place of each in the body */
    uint8_t *mask;
    int64_t n;
    struct line *lines;
    int64_t n_lines;
    int64_t n_blocks; /* of code */
    bool of_title, cut;
    const struct rules *rules; /* what its words are held against; the caller sets it */
};
enum { TEXT_STOP = 1 };

/* Memory is the arena's; ill-formed bytes count as one U+FFFD each. */
MUST_CHECK err text_read(const char *utf8, bool of_title, struct arena *a, struct text *out);
/* Fills lines and masks (issues/read/markdown.c); text_read calls it. */
MUST_CHECK err text_structure(struct text *t, struct arena *a);

bool point_blank(uint32_t c); /* blank, tab or newline, folded */
bool point_cjk(uint32_t c);   /* a Chinese character */
bool point_latin(uint32_t c); /* a letter or digit of ASCII */
bool point_word(uint32_t c);  /* a letter or digit of any script */
bool point_sentence(
    uint32_t c);               /* ends a sentence, folded; a full stop of ASCII is not among them */
bool point_clause(uint32_t c); /* ends a clause, folded: a comma or what ends a sentence */

static inline int64_t range_size(struct range r) {
    return r.end - r.begin;
}
/* The line that holds a place. */
int64_t text_line_at(const struct text *t, int64_t at);
/* Without blanks, and Markdown's marks for bold and the like, at both ends. */
struct range range_trim(const struct text *t, struct range r);
/* Likewise, and without punctuation at the end. */
struct range range_bare(const struct text *t, struct range r);
/* Whether it begins with a bullet or number of a list, and where the words behind it begin. */
bool range_list_mark(const struct text *t, struct range r, int64_t *out_words);
/* Letters, digits and Chinese characters in it that are the author's own. */
int64_t range_words(const struct text *t, struct range r);

/* Puts a piece together from stretches of a text and words between them. Starts zeroed but for
 * `text` and `arena`. A failure is kept until piece_end. */
struct piece_draft {
    const struct text *text;
    struct arena *arena;
    struct str words;
    struct stretch stretches[PIECE_MAX_STRETCHES];
    int64_t n;
    err failed;
};
void piece_add(struct piece_draft *d, struct range r);
void piece_join(struct piece_draft *d, const char *words);
/* Releases the draft; an empty one is a piece that is not said. */
MUST_CHECK err piece_end(struct piece_draft *d, struct piece *out);
/* Of one stretch; an empty range is a piece that is not said. */
MUST_CHECK err piece_of(const struct text *t, struct range r, struct arena *a, struct piece *out);

#endif
