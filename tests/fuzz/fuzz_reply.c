/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what a teacher says: read as JSON or not, each value as a row that every machine
 * check looks at, and as a schema that is refused or can test the value itself. A row gets a
 * verdict, whatever it holds; the same row gets the same one again.
 * Under test: data/synth/reply.c, data/synth/checks/, data/synth/schema.c. */
#include "base/mem.h"
#include "data/synth/checks/check.h"
#include "data/synth/reply.h"
#include "data/synth/schema.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static struct check_list list;

static void open_list(void) {
    static const char *words[] = {"yes", "no"}, *pairs[] = {"a: b", "1: one"};
    static struct check_spec specs[] = {
        {.type = "regex", .of = "prompt", .pattern = "^(\\w|\\s)*"},
        {.type = "choice", .pattern = "(\\w+)", .choices = {words, 2}},
        {.type = "citation"},
        {.type = "citation", .pattern = "(?<n>\\d+)|(\\w+)", .compare = "normal"},
        {.type = "citation",
         .pattern = "(?<n>\\w+)",
         .source = "(?J)(?<n>\\d+)|x(?<n>.)",
         .map = {pairs, 2}},
        {.type = "arithmetic"}};
    static struct request request = {
        .id = "r", .checks = specs, .n_checks = sizeof specs / sizeof specs[0]};
    struct check_fallback fallback = {0};
    FUZZ_EXPECT(checks_open(&request, &fallback, &list) == ERR_OK);
}

static void expect_verdicts(const char *prompt, const char *response) {
    static const struct request request = {.id = "r"};
    const struct check_row row = {.request = &request, .prompt = prompt, .response = response};
    for (int64_t i = 0; i < list.n; i++) { /* each by itself: the first one would end it */
        const struct check_list one = {.items = &list.items[i], .n = 1};
        const struct check *by, *again;
        struct str why = {0}, why_again = {0};
        FUZZ_EXPECT(checks_test(&one, &row, &by, &why) == ERR_OK);
        FUZZ_EXPECT((by != NULL) == (why.len > 0));
        FUZZ_EXPECT(checks_test(&one, &row, &again, &why_again) == ERR_OK);
        FUZZ_EXPECT(by == again && strcmp(str_text(&why), str_text(&why_again)) == 0);
        str_release(&why);
        str_release(&why_again);
    }
}

static void expect_schema(json_t *value) {
    struct schema *schema;
    struct str why = {0};
    err e = schema_new(value, &schema);
    if (e != ERR_OK) {
        fuzz_expect_refused(e);
        return;
    }
    FUZZ_EXPECT(schema_test(schema, value, &why) == ERR_OK);
    str_release(&why);
    schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = mem_zalloc(size + 1, 1);
    json_t *values, *value;
    size_t i;
    enum reply_form form;
    if (!list.n) open_list();
    FUZZ_EXPECT(text);
    if (size > 0) memcpy(text, data, size);
    FUZZ_EXPECT(reply_read(text, &values, &form) == ERR_OK);
    FUZZ_EXPECT(json_is_array(values) && *reply_form_word(form));
    FUZZ_EXPECT(form != REPLY_NONE || json_array_size(values) == 0);
    json_array_foreach(values, i, value) {
        const char *prompt = json_text_of(value, "prompt");
        const char *response = json_text_of(value, "response");
        if (i < 8) expect_verdicts(prompt, response);
        if (i < 8) expect_schema(value);
    }
    json_decref(values);
    if (utf8_invalid_at(text, strlen(text)) < 0) expect_verdicts(text, text);
    mem_free(text);
    return 0;
}
