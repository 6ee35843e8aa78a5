/* SPDX-License-Identifier: Apache-2.0
 * Whether ledger, data card and changelog are what the dataset's manifest and the release before
 * give (release/agree.h).
 * Read next: release/ledger.h, release/previous.h. */
#include "release/agree.h"
#include "release/card.h"
#include "release/data_card.h"
#include "release/ledger.h"
#include "release/manifest.h"
#include "release/pack.h"
#include "release/previous.h"
#include <string.h>

/* The file `name` against its text as it is made again. */
static err same_text(const char *dir, const char *name, const struct str *again) {
    struct str found = {0};
    err result = card_read(dir, name, &found);
    if (result == ERR_OK) result = card_same_words(name, str_text(again), str_text(&found));
    str_release(&found);
    return result;
}

/* Rows by licence are all rows of the source. */
static err check_source(const json_t *source, const json_t *counted) {
    const char *name = json_text_of(source, "name"), *key = NULL;
    json_t *rows = NULL;
    int64_t licensed = 0;
    if (strcmp(name, json_text_of(counted, "name")) != 0)
        return fail(ERR_GATE, "'%s': its sources are not the dataset's", LEDGER_FILE);
    json_object_foreach(json_object_get(counted, "licenses"), key, rows) licensed +=
        json_integer_value(rows);
    if (licensed == json_int_of(counted, "rows")) return ERR_OK;
    return fail(ERR_GATE, "'%s': of %lld rows of a source, %lld have a licence", LEDGER_FILE,
                (long long)json_int_of(counted, "rows"), (long long)licensed);
}

static err check_ledger(const json_t *dataset, const json_t *ledger) {
    json_t *sources = NULL, *splits = NULL, *one = NULL;
    const json_t *counted = json_object_get(ledger, "sources");
    int64_t rows = 0;
    size_t i = 0;
    TRY(json_need_array(dataset, "sources", &sources));
    TRY(json_need_array(dataset, "splits", &splits));
    if (json_array_size(sources) != json_array_size(counted))
        return fail(ERR_GATE, "'%s': its sources are not the dataset's", LEDGER_FILE);
    json_array_foreach(sources, i, one) {
        TRY(check_source(one, json_array_get(counted, i)));
        rows += json_int_of(json_array_get(counted, i), "rows");
    }
    json_array_foreach(splits, i, one) rows -= json_int_of(one, "rows");
    if (rows == 0) return ERR_OK;
    return fail(ERR_GATE, "'%s': it does not count the dataset's rows", LEDGER_FILE);
}

static err check_data_card(const struct data_card *from, const char *dir) {
    struct str again = {0};
    err result = data_card_write(from, &again);
    if (result == ERR_OK) result = same_text(dir, DATA_CARD_FILE, &again);
    str_release(&again);
    return result;
}

/* Rows that a recipe calls of an unknown licence. */
static int64_t count_unknown(const json_t *ledger) {
    const json_t *one = NULL;
    int64_t n = 0;
    size_t i = 0;
    json_array_foreach(json_object_get(ledger, "sources"), i, one) n +=
        json_int_of(json_object_get(one, "licenses"), LEDGER_UNKNOWN);
    return n;
}

err agree_data_card(const json_t *manifest, const char *dir, bool whole, int64_t *out_unknown) {
    json_t *dataset = NULL, *ledger = NULL;
    TRY(release_read_json(dir, PACK_DATA, json_parse_file, &dataset));
    err result = ledger_read(dir, &ledger);
    if (result == ERR_OK) result = check_ledger(dataset, ledger);
    const struct data_card from = {manifest, dataset, ledger};
    if (result == ERR_OK && whole) result = check_data_card(&from, dir);
    *out_unknown = count_unknown(ledger);
    json_decref(dataset);
    json_decref(ledger);
    return result;
}

/* The manifest's list of files, by path. */
static const json_t *listed(const json_t *manifest, const char *path) {
    json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(manifest, "files"), i,
                       row) if (strcmp(json_text_of(row, "path"), path) == 0) return row;
    return NULL;
}

static err check_bytes(const json_t *manifest, const json_t *previous) {
    int64_t bytes = 0;
    json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(manifest, "files"), i,
                       row) if (previous_counts(json_text_of(row, "path"))) bytes +=
        json_int_of(row, "bytes");
    if (bytes == json_int_of(json_object_get(previous, "bytes"), "is")) return ERR_OK;
    return fail(ERR_GATE, "'%s': its weights are not those of the release", PREVIOUS_FILE);
}

static err check_changelog(const json_t *manifest, const json_t *previous, const char *dir) {
    struct str again = {0};
    json_t *dataset = NULL;
    TRY(release_read_json(dir, PACK_DATA, json_parse_file, &dataset));
    const struct changelog from = {manifest, dataset, previous};
    err result = changelog_write(&from, &again);
    if (result == ERR_OK) result = same_text(dir, CHANGELOG_FILE, &again);
    str_release(&again);
    json_decref(dataset);
    return result;
}

err agree_changelog(const json_t *manifest, const char *dir, bool whole) {
    json_t *previous = NULL;
    const bool kept = listed(manifest, PREVIOUS_FILE) != NULL;
    if (kept != (listed(manifest, CHANGELOG_FILE) != NULL))
        return fail(ERR_GATE, "'%s' is missing", kept ? CHANGELOG_FILE : PREVIOUS_FILE);
    if (!kept) return ERR_OK;
    TRY(previous_read(dir, &previous));
    err result = check_bytes(manifest, previous);
    if (result == ERR_OK && whole) result = check_changelog(manifest, previous, dir);
    json_decref(previous);
    return result;
}
