/* SPDX-License-Identifier: Apache-2.0
 * The loss masks, each from its statement in the spec of Yuan 2.0 (4.5, 4.6), which was held
 * against the official functions; tests/golden/test_masks.c holds this file against the same
 * outputs. */
#include "data/tokens/masks.h"
#include <stdbool.h>
#include <string.h>

static const char *const names[LOSS_MASK_COUNT] = {
#define X(name, text) text,
    LOSS_MASKS(X)
#undef X
};

err loss_mask_parse(const char *name, enum loss_mask *out) {
    for (int i = 0; i < LOSS_MASK_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum loss_mask)i;
            return ERR_OK;
        }
    return fail(ERR_USAGE, "unknown loss mask '%s' (answer, yuan-megatron, yuan-hf or all)", name);
}

const char *loss_mask_name(enum loss_mask kind) {
    return names[kind];
}

struct marks {
    int64_t n, eod, sep;
};

/* First position in [from, n) of `what` in `ids`, or n. */
static int64_t find(const int32_t *ids, int64_t from, int64_t n, int64_t what) {
    while (from < n && ids[from] != what) from++;
    return from;
}

static int64_t count(const int32_t *ids, int64_t n, int64_t what) {
    int64_t found = 0;
    for (int64_t t = 0; t < n; t++) found += ids[t] == what;
    return found;
}

/* Both of labels: an answer begins after the first S of its document and ends with E. ids[0] is the
 * one token that is no label; it may be the E or the S before labels[0]. */
static void answer(const struct marks *m, const int32_t *ids, const int32_t *labels,
                   uint8_t *mask) {
    bool in_answer = m->n > 0 && ids[0] == m->sep;
    for (int64_t t = 0; t < m->n; t++) {
        mask[t] = in_answer && labels[t] >= 0;
        if (labels[t] == m->eod)
            in_answer = false;
        else if (labels[t] == m->sep)
            in_answer = true;
    }
}

/* From each document's start up to its S (which is trained) nothing counts. The last stretch, after
 * the last E, is treated so only when there are two E or more. */
static void yuan_megatron(const struct marks *m, const int32_t *labels, uint8_t *mask) {
    bool several = count(labels, m->n, m->eod) >= 2;
    memset(mask, 1, (size_t)m->n);
    for (int64_t begin = 0, end; begin < m->n; begin = end + 1) {
        end = find(labels, begin, m->n, m->eod);
        int64_t sep = find(labels, begin, end, m->sep);
        if (sep < end && (end < m->n || several)) memset(mask + begin, 0, (size_t)(sep - begin));
    }
}

/* Counts pairs of E and S in ids, in order, whatever lies between. */
static void yuan_hf(const struct marks *m, const int32_t *ids, uint8_t *mask) {
    int64_t n = m->n, n_eod = count(ids, n, m->eod), n_sep = count(ids, n, m->sep);
    int64_t eod = find(ids, 0, n, m->eod), sep = find(ids, 0, n, m->sep);
    memset(mask, 1, (size_t)n);
    if (n_eod == 0 || n_sep == 0) return;
    bool sep_first = sep < eod;
    if (sep_first ? n_eod > n_sep : n_eod < n_sep) return;
    if (sep_first) {
        memset(mask, 0, (size_t)sep);
        sep = find(ids, sep + 1, n, m->sep);
    }
    while (eod < n) { /* from the k-th E up to the S that pairs with it, or the row's end */
        if (sep > eod) memset(mask + eod, 0, (size_t)(sep - eod));
        eod = find(ids, eod + 1, n, m->eod);
        if (sep < n) sep = find(ids, sep + 1, n, m->sep);
    }
    for (int64_t t = 0; t < n; t++)
        if (ids[t] == m->eod) mask[t] = 1;
}

err loss_mask_apply(enum loss_mask kind, const int32_t *ids, int64_t n, int64_t eod, int64_t sep,
                    const int32_t *labels, uint8_t *mask) {
    struct marks m = {n, eod, sep};
    if (n <= 0) return ERR_OK;
    switch (kind) {
    case LOSS_MASK_ANSWER: answer(&m, ids, labels, mask); break;
    case LOSS_MASK_YUAN_MEGATRON: yuan_megatron(&m, labels, mask); break;
    case LOSS_MASK_YUAN_HF: yuan_hf(&m, ids, mask); break;
    case LOSS_MASK_ALL: memset(mask, 1, (size_t)n); break;
    case LOSS_MASK_COUNT: BUG_IF(kind == LOSS_MASK_COUNT);
    }
    for (int64_t t = 0; t < n; t++)
        if (labels[t] < 0) mask[t] = 0;
    return ERR_OK;
}
