/* SPDX-License-Identifier: Apache-2.0
 * Where rows of memory lie that are alive at some stages only. Rows are placed one after the other,
 * each at the lowest place where nothing lies that it meets at one of its stages; and the order is
 * changed, two rows at a time, as long as that makes the whole smaller. It need not become the
 * smallest that there is; for the rows of acts.def it does, which a test holds it to.
 * Read next: model/acts.def, model/workspace.c. */
#include "model/workspace_int.h"

static bool in_the_way(const struct layout_row *placed, const struct layout_row *row) {
    return (placed->stages & row->stages) != 0 && placed->at < row->at + plan_aligned(row->bytes) &&
           row->at < placed->at + plan_aligned(placed->bytes);
}

/* Of the rows, those before `n` are placed. Returns where this one ends. */
static size_t place(struct layout_row *const *rows, int n) {
    struct layout_row *row = rows[n];
    row->at = 0;
    for (int i = 0; i < n; i++) {
        if (!in_the_way(rows[i], row)) continue;
        row->at = rows[i]->at + plan_aligned(rows[i]->bytes);
        i = -1;
    }
    return row->at + plan_aligned(row->bytes);
}

static size_t place_all(struct layout_row *const *rows, int n) {
    size_t end = 0;
    for (int i = 0; i < n; i++) {
        const size_t row_end = place(rows, i);
        if (row_end > end) end = row_end;
    }
    return end;
}

static void swap(struct layout_row **a, struct layout_row **b) {
    struct layout_row *other = *a;
    *a = *b;
    *b = other;
}

/* One round of exchanges; the smallest memory found, whose order stays. */
static size_t improve(struct layout_row **rows, int n, size_t smallest) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            swap(&rows[i], &rows[j]);
            const size_t bytes = place_all(rows, n);
            if (bytes < smallest)
                smallest = bytes;
            else
                swap(&rows[i], &rows[j]);
        }
    return smallest;
}

size_t layout_rows(struct layout_row *rows, int n) {
    struct layout_row *order[LAYOUT_MAX_ROWS];
    int n_ordered = 0;
    size_t all = 0;
    BUG_IF(n > LAYOUT_MAX_ROWS);
    for (int i = 0; i < n; i++) {
        if (!rows[i].stages) continue;
        if (__builtin_add_overflow(all, plan_aligned(rows[i].bytes), &all)) return SIZE_MAX;
        int at = n_ordered++; /* large ones first, to begin with */
        for (; at > 0 && order[at - 1]->bytes < rows[i].bytes; at--) order[at] = order[at - 1];
        order[at] = &rows[i];
    }
    size_t before, bytes = place_all(order, n_ordered);
    do {
        before = bytes;
        bytes = improve(order, n_ordered, before);
    } while (bytes < before);
    return place_all(order, n_ordered);
}
