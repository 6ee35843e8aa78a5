/* SPDX-License-Identifier: Apache-2.0
 * Exact match, ROUGE-L and Wilson's interval: eval/metrics.h has the formulas and their sources.
 * Sums and products are in double in one fixed order, so that a score is the same bits everywhere.
 * Read next: eval/tasks/requests.c, which averages them. */
#include "eval/metrics.h"
#include "base/mem.h"
#include "base/str.h"
#include <math.h>
#include <string.h>

bool metric_exact_match(struct span expected, struct span got) {
    return span_equal(span_strip(expected), span_strip(got));
}

/* Length of the longest common subsequence; `row` holds n_b + 1 counts. */
static int64_t common_length(const uint32_t *a, int64_t n_a, const uint32_t *b, int64_t n_b,
                             int32_t *row) {
    memset(row, 0, (size_t)(n_b + 1) * sizeof *row);
    for (int64_t i = 0; i < n_a; i++) {
        int32_t diagonal = 0;
        for (int64_t j = 0; j < n_b; j++) {
            int32_t above = row[j + 1];
            if (a[i] == b[j])
                row[j + 1] = diagonal + 1;
            else if (row[j] > above)
                row[j + 1] = row[j];
            diagonal = above;
        }
    }
    return row[n_b];
}

err metric_rouge_l(struct span expected, struct span got, double *out_f1) {
    struct span spans[2] = {span_strip(expected), span_strip(got)};
    uint32_t *points[2] = {NULL, NULL};
    int64_t n[2] = {0, 0};
    int32_t *row = NULL;
    err result = ERR_OK;
    for (int i = 0; i < 2 && result == ERR_OK; i++)
        result = utf8_decode(spans[i].text, spans[i].n, &points[i], &n[i]);
    if (result == ERR_OK && n[0] > 0 && n[1] > ROUGE_MAX_PAIRS / n[0])
        result = fail(ERR_LIMIT, "ROUGE-L: %lld characters against %lld are too many",
                      (long long)n[0], (long long)n[1]);
    if (result == ERR_OK) {
        row = mem_alloc((size_t)n[1] + 1, sizeof *row);
        if (row == NULL) result = ERR_MEMORY;
    }
    if (result == ERR_OK) {
        int64_t common = common_length(points[0], n[0], points[1], n[1], row);
        *out_f1 = n[0] + n[1] == 0 ? 1.0 : 2.0 * (double)common / (double)(n[0] + n[1]);
    }
    mem_free(row);
    mem_free(points[0]);
    mem_free(points[1]);
    return result;
}

struct interval wilson_interval(int64_t k, int64_t n) {
    return wilson_interval_z(k, n, 1.959963984540054);
}

/* (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), with p = k/n */
struct interval wilson_interval_z(int64_t k, int64_t n, double z) {
    if (n <= 0) return (struct interval){0.0, 1.0};
    double count = (double)n, share = (double)k / count, z2 = z * z;
    double middle = share + z2 / (2.0 * count);
    double half = z * sqrt(share * (1.0 - share) / count + z2 / (4.0 * count * count));
    double scale = 1.0 + z2 / count;
    double low = (middle - half) / scale, high = (middle + half) / scale;
    /* The ends are exact; rounding would leave them a hair off. */
    if (k == 0) low = 0.0;
    if (k == n) high = 1.0;
    return (struct interval){low, high};
}

double pass_at_k(int64_t n, int64_t c, int64_t k) {
    double none = 1.0;
    if (n - c < k) return 1.0;
    for (int64_t i = n - c + 1; i <= n; i++) none *= 1.0 - (double)k / (double)i;
    return 1.0 - none;
}
