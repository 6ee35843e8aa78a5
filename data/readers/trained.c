/* SPDX-License-Identifier: Apache-2.0
 * The flags of a message: whether its words are trained, and which of them. Characters become bytes
 * here, since that is what a sample counts. The contract, with the keys, is
 * data/readers/conversation.h. */
#include "data/readers/conversation_int.h"

/* A flag under `key`: 0, 1 (0 and 1 where `is_number`, false and true otherwise), -1: not said. */
static err read_flag(const json_t *message, const char *key, bool is_number, int *out) {
    const json_t *value = json_object_get(message, key);
    *out = -1;
    if (!value || json_is_null(value)) return ERR_OK;
    double number = json_number_value(value);
    if (is_number && json_is_number(value) && (!(number < 0 || number > 0) || number == 1)) {
        *out = number > 0;
        return ERR_OK;
    }
    if (!is_number && json_is_boolean(value)) {
        *out = json_is_true(value);
        return ERR_OK;
    }
    return fail(ERR_PARSE, is_number ? "'%s' is neither 0 nor 1" : "'%s' is neither true nor false",
                key);
}

static err whole_message(const json_t *message, int *out) {
    static const struct {
        const char *key;
        bool is_number;
    } flags[] = {{"weight", true}, {"train", false}, {"training", false}};
    *out = -1;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        int flag;
        TRY(read_flag(message, flags[i].key, flags[i].is_number, &flag));
        if (flag >= 0 && *out >= 0 && flag != *out)
            return fail(ERR_PARSE, "'%s' says the opposite of another flag", flags[i].key);
        if (flag >= 0) *out = flag;
    }
    return ERR_OK;
}

static const json_t *details(const json_t *message) {
    const json_t *list = json_object_get(message, "train_detail");
    return list ? list : json_object_get(message, "training_detail");
}

static err read_detail(const json_t *detail, struct span answer, int64_t n_characters,
                       struct text_range *out, bool *out_trained) {
    int64_t begin, end;
    int trained;
    TRY(json_need_int(detail, "begin_offset", &begin));
    TRY(json_need_int(detail, "end_offset", &end));
    TRY(read_flag(detail, "train", false, &trained));
    if (trained < 0) return fail(ERR_PARSE, "'train' is missing");
    if (begin < 0 || end < begin || end >= n_characters)
        return fail(ERR_RANGE, "%lld to %lld is no part of %lld characters", (long long)begin,
                    (long long)end, (long long)n_characters);
    *out = (struct text_range){utf8_offset(answer.text, answer.n, begin),
                               utf8_offset(answer.text, answer.n, end + 1)};
    *out_trained = trained == 1;
    return ERR_OK;
}

/* The trained ranges in order; each begins where or behind where the one before ends. */
static err read_details(const json_t *list, struct draft *out) {
    struct turn *turn = &out->sample.turns[out->sample.n - 1];
    int64_t n_characters = utf8_count(turn->answer.text, turn->answer.n);
    size_t i, before = 0;
    const json_t *detail;
    if (!json_is_array(list)) return fail(ERR_PARSE, "'train_detail' is not a list");
    struct text_range *ranges = arena_alloc(out->arena, json_array_size(list) + 1, sizeof *ranges);
    if (!ranges) return ERR_MEMORY;
    turn->ranges = ranges;
    json_array_foreach(list, i, detail) {
        bool trained = false;
        struct text_range *range = &ranges[turn->n_ranges];
        err e = read_detail(detail, turn->answer, n_characters, range, &trained);
        if (e == ERR_OK && range->begin < before)
            e = fail(ERR_PARSE, "it begins before the one before it ends");
        if (e != ERR_OK) return fail_in(e, "'train_detail' item %zu", i + 1);
        before = range->end;
        if (trained && turn->n_ranges > 0 && ranges[turn->n_ranges - 1].end == range->begin)
            ranges[turn->n_ranges - 1].end = range->end;
        else if (trained)
            turn->n_ranges++;
    }
    if (turn->n_ranges == 0) turn->trained = false;
    return ERR_OK;
}

err conversation_trained(const json_t *message, struct draft *out) {
    struct turn *turn = &out->sample.turns[out->sample.n - 1];
    int trained;
    TRY(whole_message(message, &trained));
    turn->trained = trained != 0;
    const json_t *list = details(message);
    if (!list || json_is_null(list) || !turn->trained) return ERR_OK;
    const json_t *calls = json_object_get(message, "tool_calls");
    if (json_array_size(calls) > 0)
        return fail(ERR_UNSUPPORTED, "'train_detail' counts characters, which a message with "
                                     "'tool_calls' has not");
    return read_details(list, out);
}

err conversation_untrained(const json_t *message) {
    int trained;
    bool part = false;
    size_t i;
    const json_t *detail;
    TRY(whole_message(message, &trained));
    json_array_foreach(details(message), i, detail) part =
        part || json_is_true(json_object_get(detail, "train"));
    if (trained != 1 && !part) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "it is to be trained, but only the assistant's words are");
}
