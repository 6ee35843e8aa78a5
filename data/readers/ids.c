/* SPDX-License-Identifier: Apache-2.0
 * Records that are tokens already: `input_ids`, with `labels` (as long; -100 where the token is not
 * trained, else the token itself: not shifted) and `attention_mask` (0 where a token is padding,
 * which only the ends may be and which is left out). Without labels every token is trained. Whether
 * the tokenizer has the ids is for data/source/read.h to check. Source of the keys: what the
 * tokenizers of transformers give. */
#include "base/mem.h"
#include "data/readers/reader.h"
#include <string.h>

enum { IGNORED = -100 };

static bool fits(const json_t *record) {
    return json_is_array(json_object_get(record, "input_ids"));
}

/* `key` as a list of `n` whole numbers of 32 bits (n -1: any), from mem_alloc. */
static err read_numbers(const json_t *record, const char *key, int64_t n, int32_t **out) {
    json_t *list;
    const json_t *item;
    size_t i;
    *out = NULL;
    TRY(json_need_array(record, key, &list));
    if (n >= 0 && (int64_t)json_array_size(list) != n)
        return fail(ERR_PARSE, "'%s' has %zu items, and 'input_ids' has %lld", key,
                    json_array_size(list), (long long)n);
    int32_t *numbers = mem_alloc(json_array_size(list) + 1, sizeof *numbers);
    if (!numbers) return ERR_MEMORY;
    json_array_foreach(list, i, item) {
        json_int_t value = json_integer_value(item);
        if (!json_is_integer(item) || value < INT32_MIN || value > INT32_MAX) {
            mem_free(numbers);
            return fail(ERR_PARSE, "'%s' item %zu is no whole number of 32 bits", key, i + 1);
        }
        numbers[i] = (int32_t)value;
    }
    *out = numbers;
    return ERR_OK;
}

struct columns {
    int64_t n;
    int32_t *ids, *labels, *mask; /* the last two may be NULL */
};

static err read_columns(const json_t *record, struct columns *c) {
    TRY(read_numbers(record, "input_ids", -1, &c->ids));
    c->n = (int64_t)json_array_size(json_object_get(record, "input_ids"));
    if (json_object_get(record, "labels")) TRY(read_numbers(record, "labels", c->n, &c->labels));
    if (json_object_get(record, "attention_mask"))
        TRY(read_numbers(record, "attention_mask", c->n, &c->mask));
    return ERR_OK;
}

/* Takes padding off both ends: [*first, *end) is what the mask lets through. */
static err find_padding(const struct columns *c, int64_t *first, int64_t *end) {
    *first = 0;
    *end = c->n;
    if (!c->mask) return ERR_OK;
    while (*first < *end && c->mask[*first] == 0) ++*first;
    while (*end > *first && c->mask[*end - 1] == 0) --*end;
    for (int64_t i = *first; i < *end; i++)
        if (c->mask[i] != 1)
            return fail(ERR_UNSUPPORTED, "'attention_mask' is %d at item %lld, inside the row",
                        c->mask[i], (long long)i + 1);
    return ERR_OK;
}

static err add_ids(const struct columns *c, struct draft *out) {
    int64_t first, end;
    TRY(find_padding(c, &first, &end));
    if (first == end) return fail(ERR_PARSE, "'input_ids' has no tokens");
    uint8_t *trained = mem_alloc((size_t)c->n, 1);
    err e = trained ? ERR_OK : ERR_MEMORY;
    for (int64_t i = first; i < end && e == ERR_OK; i++) {
        trained[i] = !c->labels || c->labels[i] != IGNORED;
        if (c->labels && trained[i] && c->labels[i] != c->ids[i])
            e = fail(
                ERR_PARSE,
                "'labels' item %lld is %d, neither %d nor the token %d itself; are they shifted?",
                (long long)i + 1, c->labels[i], IGNORED, c->ids[i]);
    }
    if (e == ERR_OK) e = draft_ids(out, c->ids + first, trained + first, end - first);
    mem_free(trained);
    return e;
}

static err read_record(const json_t *record, struct draft *out) {
    struct columns c = {0};
    err e = read_columns(record, &c);
    if (e == ERR_OK) e = add_ids(&c, out);
    mem_free(c.ids);
    mem_free(c.labels);
    mem_free(c.mask);
    return e;
}

const struct reader reader_ids = {
    .name = "ids",
    .summary = "JSON records {\"input_ids\", \"labels\", \"attention_mask\"} of Yuan's tokens",
    .record = read_record,
    .fits = fits,
};
