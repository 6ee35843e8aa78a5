/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a time zone's file: refused with a reason, or a zone whose offsets are below two
 * days at any moment and whose days begin one after the other.
 * Under test: issues/calendar/zone.c, issues/calendar/zone_rule.c. */
#include "issues/calendar/calendar.h"
#include "tests/fuzz/fuzz.h"

enum { TWO_DAYS_S = 2 * 86400 };

static void expect_offset(const struct zone *z, int64_t s) {
    const int64_t offset_s = zone_offset_s(z, s);
    FUZZ_EXPECT(offset_s > -4 * TWO_DAYS_S && offset_s < 4 * TWO_DAYS_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    struct zone *z;
    err code = zone_read(data, size, "any", &z);
    if (code) {
        FUZZ_EXPECT(z == NULL);
        fuzz_expect_refused(code);
    } else {
        for (int64_t s = -4000000000; s < INT64_C(16000000000); s += 777777777) expect_offset(z, s);
        zone_free(z);
    }
    fuzz_end(begun);
    return 0;
}
