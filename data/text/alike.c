/* SPDX-License-Identifier: Apache-2.0
 * Windows of a text and edits between two texts. The contract is data/text/alike.h; how often grams
 * of windows come is data/text/alike_grams.c, finding the texts that are worth comparing is
 * data/text/alike_index.c. */
#include "data/text/alike.h"

#include "base/mem.h"
#include "data/text/normal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_WEIGHT = 6, /* of a run, at least */
    MAX_WIDTH = 3
};

static uint32_t run_hash(const uint32_t *points, int64_t n) {
    uint64_t hash = (uint64_t)n * 0x9E3779B97F4A7C15u, digits = 0;
    for (int64_t i = 0; i < n; i++) {
        bool digit = points[i] >= '0' && points[i] <= '9';
        hash = (hash ^ (digit ? '0' : points[i])) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
        if (digit) digits = digits * 11 + points[i] - '0' + 1;
    }
    hash ^= hash >> 29;
    digits = digits == 0 ? 0 : 1 + digits % ALIKE_DIGITS;
    return (uint32_t)(hash * 0xBF58476D1CE4E5B9u >> 40) << 8 | (uint32_t)digits;
}

static int32_t cut(const struct normal *text, uint32_t *out) {
    int64_t n = 0, end = 0;
    int total = 0;
    for (int64_t begin = 0; begin < text->n; begin++) {
        while (total < WINDOW_WEIGHT && end < text->n) total += normal_weight(text->points[end++]);
        if (total < WINDOW_WEIGHT) break;
        out[n++] = run_hash(text->points + begin, end - begin);
        total -= normal_weight(text->points[begin]);
    }
    if (n == 0) out[n++] = run_hash(text->points, text->n);
    return (int32_t)n;
}

static bool is_digit(const struct normal *text, int64_t at) {
    return at < text->n && text->points[at] >= '0' && text->points[at] <= '9';
}

/* A number is digits, with single points or commas between them. */
static uint32_t frame_of(const struct normal *text) {
    uint64_t hash = 0;
    for (int64_t i = 0; i < text->n; i++) {
        uint32_t c = text->points[i];
        if (is_digit(text, i)) {
            c = '0';
            while (is_digit(text, i + 1) ||
                   (i + 1 < text->n && (text->points[i + 1] == '.' || text->points[i + 1] == ',') &&
                    is_digit(text, i + 2)))
                i++;
        }
        hash = (hash ^ c) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash * 0xBF58476D1CE4E5B9u >> 32);
}

err alike_text_init(struct alike_text *t, const char *text, size_t n) {
    struct normal normal = {0};
    int64_t dense = 0;
    *t = (struct alike_text){0};
    if (n > INT32_MAX) return fail(ERR_LIMIT, "a text of more than %d bytes", INT32_MAX);
    err e = normal_set(&normal, text, n);
    if (e == ERR_OK) {
        t->windows = mem_alloc(normal.n > 0 ? (size_t)normal.n : 1, sizeof *t->windows);
        if (!t->windows) e = ERR_MEMORY;
    }
    if (e == ERR_OK) {
        t->n = cut(&normal, t->windows);
        t->frame = frame_of(&normal);
        for (int64_t i = 0; i < normal.n; i++) dense += normal_dense(normal.points[i]);
        t->width = 2 * dense >= normal.n ? 2 : MAX_WIDTH;
    }
    normal_release(&normal);
    return e;
}

void alike_text_release(struct alike_text *t) {
    mem_free(t->windows);
    *t = (struct alike_text){0};
}

/* ---- edits ---- */

/* Costs of the best way to lay the first i windows of one text beside the first j of another: by
 * what came last, a window that is the same in both, or the first, second, ... window of a stretch
 * that differs. A stretch costs 1 for its first w windows together and 1 for each one more. */
struct cell {
    int32_t by[MAX_WIDTH + 1]; /* 0: same; k: the k-th of a stretch, the last also for all later */
};
enum { FAR = 1 << 28 };

static int32_t least(const struct cell *c, int width) {
    int32_t best = c->by[0];
    for (int k = 1; k <= width; k++) best = c->by[k] < best ? c->by[k] : best;
    return best;
}

/* One more differing window behind `from`. */
static void differ(const struct cell *from, int width, struct cell *to) {
    int32_t first = from->by[0] + 1;
    if (first < to->by[1]) to->by[1] = first;
    for (int k = 2; k <= width; k++)
        if (from->by[k - 1] < to->by[k]) to->by[k] = from->by[k - 1];
    if (from->by[width] + 1 < to->by[width]) to->by[width] = from->by[width] + 1;
}

struct band {
    struct cell *before, *now; /* of rows i - 1 and i: columns i - half ... i + half */
    int64_t half;
    int width;
};

static int32_t fill_row(const struct band *b, const struct alike_text *x,
                        const struct alike_text *y, int64_t i) {
    int32_t best = FAR;
    for (int64_t k = 0; k <= 2 * b->half; k++) {
        int64_t j = i - b->half + k;
        struct cell *to = &b->now[k];
        for (int s = 0; s <= b->width; s++) to->by[s] = FAR;
        if (j < 0 || j > y->n) continue;
        if (i == 0 && j == 0) to->by[0] = 0;
        if (i > 0 && j > 0) {
            if (x->windows[i - 1] == y->windows[j - 1]) to->by[0] = least(&b->before[k], b->width);
            differ(&b->before[k], b->width, to);
        }
        if (i > 0 && k < 2 * b->half) differ(&b->before[k + 1], b->width, to);
        if (j > 0 && k > 0) differ(&b->now[k - 1], b->width, to);
        int32_t here = least(to, b->width);
        best = here < best ? here : best;
    }
    return best;
}

/* ---- a bound ---- */

/* Levenshtein's distance of windows, 64 rows at a time (G. Myers 1999, in blocks: H. Hyyro 2003).
 * An edit changes at most `width` windows, so the distance over the width is never more than the
 * edits. Most pairs are ruled out by it. */
struct column {
    uint64_t up, down; /* bits of +1 and -1 between one row and the next */
};

/* The rows of x by window: a chained hash table. */
struct rows {
    int32_t *heads, *next; /* the last row of a chain, the one before it; -1: none */
    uint32_t mask;
};

static err rows_init(struct rows *r, const struct alike_text *x) {
    uint32_t n_heads = 64;
    while (n_heads < (uint32_t)x->n) n_heads *= 2;
    *r = (struct rows){.mask = n_heads - 1};
    r->heads = mem_alloc((size_t)n_heads + (size_t)x->n, sizeof *r->heads);
    if (!r->heads) return ERR_MEMORY;
    r->next = r->heads + n_heads;
    memset(r->heads, 0xFF, n_heads * sizeof *r->heads);
    for (int32_t i = 0; i < x->n; i++) {
        int32_t *head = &r->heads[x->windows[i] * 0x9E3779B1u >> 8 & r->mask];
        r->next[i] = *head;
        *head = i;
    }
    return ERR_OK;
}

/* Sets, or clears again, the bits of the rows whose window this is. */
static void flip_rows(const struct rows *r, const struct alike_text *x, uint32_t window,
                      uint64_t *bits) {
    for (int32_t row = r->heads[window * 0x9E3779B1u >> 8 & r->mask]; row >= 0; row = r->next[row])
        if (x->windows[row] == window) bits[row / 64] ^= UINT64_C(1) << row % 64;
}

/* One block of 64 rows: takes and gives the difference at its edges (-1, 0, 1). */
static int step(struct column *c, uint64_t equal, int carry, uint64_t top) {
    uint64_t negative = carry<0, positive = carry> 0;
    uint64_t x = equal | c->down;
    equal |= negative;
    uint64_t d = (((equal & c->up) + c->up) ^ c->up) | equal;
    uint64_t h_up = c->down | ~(d | c->up), h_down = c->up & d;
    int out = (h_up & top ? 1 : 0) - (h_down & top ? 1 : 0);
    h_up = h_up << 1 | positive;
    h_down = h_down << 1 | negative;
    c->up = h_down | ~(x | h_up);
    c->down = h_up & x;
    return out;
}

static int64_t last_row_of(struct column *columns, uint64_t *bits, const struct rows *rows,
                           const struct alike_text *x, const struct alike_text *y) {
    int64_t n_blocks = (x->n + 63) / 64, score = x->n;
    for (int64_t b = 0; b < n_blocks; b++) columns[b] = (struct column){UINT64_MAX, 0};
    memset(bits, 0, (size_t)n_blocks * sizeof *bits);
    for (int32_t j = 0; j < y->n; j++) {
        int carry = 1; /* of the row above the first: j edits */
        flip_rows(rows, x, y->windows[j], bits);
        for (int64_t b = 0; b < n_blocks; b++) {
            uint64_t top =
                b + 1 < n_blocks ? UINT64_C(1) << 63 : UINT64_C(1) << (uint32_t)(x->n - 1) % 64;
            carry = step(&columns[b], bits[b], carry, top);
        }
        flip_rows(rows, x, y->windows[j], bits);
        score += carry;
    }
    return score;
}

static err window_distance(const struct alike_text *x, const struct alike_text *y, int64_t *out) {
    size_t n_blocks = ((size_t)x->n + 63) / 64;
    struct rows rows;
    TRY(rows_init(&rows, x));
    uint64_t *bits = mem_alloc(n_blocks, sizeof *bits);
    struct column *columns = mem_alloc(n_blocks, sizeof *columns);
    err e = bits && columns ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) *out = last_row_of(columns, bits, &rows, x, y);
    mem_free(rows.heads);
    mem_free(bits);
    mem_free(columns);
    return e;
}

/* Edits between the texts, FAR when more than `most`. */
static err count_edits(const struct alike_text *x, const struct alike_text *y, int64_t most,
                       int32_t *out) {
    struct band b = {.half = most + 1, .width = x->width > y->width ? x->width : y->width};
    size_t n = (size_t)(2 * b.half + 1);
    *out = FAR;
    if (llabs((long long)x->n - y->n) > most) return ERR_OK;
    int64_t bound;
    TRY(window_distance(x, y, &bound));
    if (bound > b.width * most) return ERR_OK;
    struct cell *cells = mem_alloc(2 * n, sizeof *cells);
    if (!cells) return ERR_MEMORY;
    b.before = cells;
    b.now = cells + n;
    bool near = true;
    for (int64_t i = 0; i <= x->n && near; i++) {
        struct cell *swap = b.before;
        b.before = b.now;
        b.now = swap;
        near = fill_row(&b, x, y, i) <= most;
    }
    if (near) {
        int32_t edits = least(&b.now[y->n - x->n + b.half], b.width);
        if (edits <= most) *out = edits;
    }
    mem_free(cells);
    return ERR_OK;
}

static int by_value(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The windows as a set, ascending (mem_alloc); *out_n of them. */
static uint32_t *as_set(const struct alike_text *t, int32_t *out_n) {
    uint32_t *set = mem_alloc((size_t)t->n, sizeof *set);
    if (!set) return NULL;
    memcpy(set, t->windows, (size_t)t->n * sizeof *set);
    qsort(set, (size_t)t->n, sizeof *set, by_value);
    int32_t kept = 0;
    for (int32_t i = 0; i < t->n; i++)
        if (kept == 0 || set[kept - 1] != set[i]) set[kept++] = set[i];
    *out_n = kept;
    return set;
}

err alike_similarity(const struct alike_text *a, const struct alike_text *b, double *out) {
    int32_t n = 0, m = 0, common = 0;
    uint32_t *x = as_set(a, &n), *y = x ? as_set(b, &m) : NULL;
    for (int32_t i = 0, j = 0; y && i < n && j < m;) {
        uint32_t u = x[i], v = y[j];
        common += u == v;
        i += u <= v;
        j += v <= u;
    }
    bool done = y != NULL;
    *out = done ? (double)common / (double)(n + m - common) : 0;
    mem_free(x);
    mem_free(y);
    return done ? ERR_OK : ERR_MEMORY;
}

/* Of w characters none is changed with probability (1 - p)^w = s, the share of windows that stay;
 * of texts of one length s = 2 J / (1 + J). */
static double distance_of(double similarity, int width) {
    return 1 - pow(2 * similarity / (1 + similarity), 1.0 / width);
}

err alike_distance(const struct alike_text *a, const struct alike_text *b, double limit,
                   double *out) {
    int64_t longer = (a->n > b->n ? a->n : b->n) + a->width - 1;
    *out = 1;
    if (longer > ALIKE_EXACT_MAX) {
        double similarity;
        if (fabs((double)(a->n - b->n)) > limit * (double)longer) return ERR_OK;
        TRY(alike_similarity(a, b, &similarity));
        double distance = distance_of(similarity, a->width);
        if (distance <= limit) *out = distance;
        return ERR_OK;
    }
    int32_t edits;
    TRY(count_edits(a, b, (int64_t)(limit * (double)longer), &edits));
    if (edits != FAR) *out = (double)edits / (double)longer;
    return ERR_OK;
}
