/* SPDX-License-Identifier: Apache-2.0
 * Months, days and plans in zones: borders of months, daylight saving, days that begin late, texts,
 * and zone files that are damaged. Offsets are held against the C library's, zone by zone.
 * Under test: issues/calendar/calendar.h. */
#include "tests/unit/test.h"

#include "issues/calendar/calendar.h"
#include "issues/post.h"
#include <time.h>

static int64_t at(const char *text) {
    int64_t s;
    assert_ok(time_parse(text, &s));
    return s;
}

static struct zone *zone(const char *name) {
    struct zone *z;
    assert_ok(zone_new(name, &z));
    return z;
}

static int64_t month(const char *text) {
    int64_t m;
    assert_ok(month_parse(text, &m));
    return m;
}

static void expect_plan(const char *zone_name, const char *created, const char *plan,
                        const char *collected) {
    char text[MONTH_TEXT_SIZE], day[DAY_TEXT_SIZE];
    struct zone *z = zone(zone_name);
    int64_t planned = plan_month(at(created), z);
    assert_ok(month_text(planned, text));
    assert_ok(day_text(plan_collect_day(planned), day));
    if (strcmp(text, plan) != 0 || strcmp(day, collected) != 0)
        fail_msg("%s in %s: plan %s, collected %s; wanted %s, %s", created, zone_name, text, day,
                 plan, collected);
    struct plan_window window = plan_window(planned, z);
    assert_true(window.from_s <= at(created) && at(created) < window.to_s);
    zone_free(z);
}

static void posts_belong_to_the_month_of_the_team(void **state) {
    (void)state;
    expect_plan("Asia/Shanghai", "2024-01-18T02:00:00Z", "2024-02", "2024-02-06");
    expect_plan("Asia/Shanghai", "2024-01-31T15:59:59Z", "2024-02", "2024-02-06");
    expect_plan("Asia/Shanghai", "2024-01-31T16:00:00Z", "2024-03", "2024-03-06");
    expect_plan("Asia/Shanghai", "2024-01-31T17:00:00Z", "2024-03", "2024-03-06");
    expect_plan("UTC", "2024-01-31T17:00:00Z", "2024-02", "2024-02-06");
    expect_plan("Asia/Shanghai", "2023-11-30T23:00:00Z", "2024-01", "2024-01-06");
    expect_plan("Asia/Shanghai", "2023-12-15T00:00:00Z", "2024-01", "2024-01-06");
    expect_plan("Asia/Shanghai", "2024-02-29T15:00:00Z", "2024-03", "2024-03-06");
    expect_plan("+08:00", "2024-01-31T17:00:00+08:00", "2024-02", "2024-02-06");
    expect_plan("America/New_York", "2024-03-01T04:59:59Z", "2024-03", "2024-03-06");
    expect_plan("America/New_York", "2024-04-01T03:59:59Z", "2024-04", "2024-04-06");
    expect_plan("America/New_York", "2024-04-01T04:00:00Z", "2024-05", "2024-05-06");
}

static void windows_touch_and_fit_daylight_saving(void **state) {
    (void)state;
    struct zone *z = zone("America/New_York");
    struct plan_window april = plan_window(month("2024-04"), z); /* posts of March */
    assert_int_equal(april.from_s, at("2024-03-01T05:00:00Z"));
    assert_int_equal(april.to_s, at("2024-04-01T04:00:00Z"));
    for (int64_t m = month("1990-01"); m < month("2040-01"); m++) {
        struct plan_window one = plan_window(m, z), next = plan_window(m + 1, z);
        assert_int_equal(one.to_s, next.from_s);
        assert_int_equal(plan_month(one.from_s, z), m);
        assert_int_equal(plan_month(one.to_s - 1, z), m);
    }
    zone_free(z);
}

static void a_day_may_begin_at_one(void **state) {
    (void)state;
    struct zone *z = zone("America/Sao_Paulo"); /* clocks went from 00:00 to 01:00 */
    int64_t day;
    assert_ok(day_parse("2018-11-04", &day));
    assert_int_equal(day_start_s(day, z), at("2018-11-04T03:00:00Z"));
    assert_int_equal(day_of(at("2018-11-04T02:59:59Z"), z), day - 1);
    assert_int_equal(day_of(at("2018-11-04T03:00:00Z"), z), day);
    zone_free(z);
}

static void offsets_are_those_of_the_c_library(void **state) {
    (void)state;
    static const char *const names[] = {"Asia/Shanghai",  "America/New_York",    "Europe/London",
                                        "Europe/Dublin",  "Australia/Sydney",    "Asia/Kolkata",
                                        "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns",
                                        "Pacific/Apia",   "Africa/Casablanca",   "America/Nuuk",
                                        "Asia/Tehran",    "Asia/Gaza",           "UTC"};
    const int64_t step_s = 37 * 3600 + 1801, from = at("1971-01-01T00:00:00Z");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone *z;
        if (zone_new(names[i], &z) != ERR_OK) continue; /* no tzdata */
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int64_t s = from; s < at("2060-01-01T00:00:00Z"); s += step_s) {
            time_t when = (time_t)s;
            struct tm local;
            assert_non_null(localtime_r(&when, &local));
            if (zone_offset_s(z, s) != local.tm_gmtoff)
                fail_msg("%s at %lld: %lld, not %ld", names[i], (long long)s,
                         (long long)zone_offset_s(z, s), local.tm_gmtoff);
        }
        zone_free(z);
    }
}

static void zones_have_names_or_offsets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int offset_s;
    } good[] = {{"+08:00", 28800}, {"-03:30", -12600}, {"+0545", 20700}, {"UTC+8", 28800},
                {"GMT-5", -18000}, {"+00:00", 0},      {"UTC", 0},       {"Asia/Shanghai", 28800}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct zone *z = zone(good[i].name);
        assert_int_equal(zone_offset_s(z, at("2024-01-01T00:00:00Z")), good[i].offset_s);
        zone_free(z);
    }
    struct zone *z;
    assert_fails(zone_new("Asia/Shangai", &z), ERR_MISSING, "no time zone 'Asia/Shangai'");
    assert_non_null(strstr(err_hint(), "+08:00"));
    assert_null(z);
    assert_fails(zone_new("Asia", &z), ERR_MISSING, "no time zone 'Asia'"); /* a folder */
    static const char *const bad[] = {
        "",  "../../etc/passwd", "/etc/passwd", "Asia/../UTC", "+25:00", "+8:60", "+123", "8",
        "+", "Asia/Shanghai\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(zone_new(bad[i], &z), ERR_PARSE, "is no time zone");
}

static void texts_of_days_and_months(void **state) {
    (void)state;
    char text[DAY_TEXT_SIZE];
    int64_t day, first;
    assert_ok(day_parse("1970-01-01", &day));
    assert_int_equal(day, 0);
    assert_ok(day_parse("2024-02-29", &day));
    assert_int_equal(day, 19782);
    assert_ok(day_parse("1600-02-29", &first));
    for (; first < 150000; first += 1) { /* every day to the year 2380 */
        int64_t again;
        assert_ok(day_text(first, text));
        assert_ok(day_parse(text, &again));
        assert_int_equal(again, first);
    }
    assert_int_equal(month_day(month("2024-02") + 1, 1) - month_day(month("2024-02"), 1), 29);
    static const char *const no_days[] = {
        "2024-02-30",  "2023-02-29", "2024-2-06",  "2024-13-01", "2024-00-01", "2024-01-00",
        "2024-02-06 ", "24-02-06",   "0000-01-01", "",           "2024-02",    "２０２４-02-06"};
    for (size_t i = 0; i < sizeof no_days / sizeof no_days[0]; i++)
        assert_fails(day_parse(no_days[i], &day), ERR_PARSE, "is no day");
    static const char *const no_months[] = {"2024-13", "2024-00",    "2024",
                                            "2024-1",  "2024-02-06", ""};
    for (size_t i = 0; i < sizeof no_months / sizeof no_months[0]; i++)
        assert_fails(month_parse(no_months[i], &day), ERR_PARSE, "is no month");
    assert_fails(month_text(12 * 10000, text), ERR_RANGE, "the year 10000");
}

/* A file of version 2: an empty block of the first version, then `n` moments of one type each. */
static size_t zone_file(uint8_t *out, int n, const char *footer) {
    uint8_t *p = out;
    for (int version = 0; version < 2; version++) {
        int moments = version ? n : 0;
        memcpy(p, "TZif2", 5);
        memset(p + 5, 0, 39);
        p[35] = (uint8_t)moments;
        p[39] = 2;
        p[43] = 4;
        p += 44;
        for (int i = 0; i < moments; i++, p += 8) {
            memset(p, 0, 8);
            p[4] = (uint8_t)(i + 1);
        }
        for (int i = 0; i < moments; i++) *p++ = (uint8_t)(i % 2);
        static const uint8_t types[] = {0, 0, 0x70, 0x80, 0, 0, 0, 0, 0x7e, 0x90, 1, 0};
        memcpy(p, types, sizeof types);
        p += sizeof types;
        memcpy(p, "CST", 4);
        p += 4;
    }
    memcpy(p, footer, strlen(footer));
    return (size_t)(p - out) + strlen(footer);
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct zone *z;
    size_t n = zone_file(bytes, 3, "\nCST-8\n");
    assert_ok(zone_read(bytes, n, "made", &z));
    assert_int_equal(zone_offset_s(z, 0), 28800);
    assert_int_equal(zone_offset_s(z, 0x2000000), 32400);
    assert_int_equal(zone_offset_s(z, INT64_C(4) << 40), 28800); /* by the rule */
    zone_free(z);
    for (size_t cut = 0; cut < n; cut++)
        assert_fails(zone_read(bytes, cut, "cut", &z), ERR_PARSE, "time zone 'cut'");
    static const char *const rules[] = {"\nCST\n",
                                        "\nC-8\n",
                                        "\n<+08-8\n",
                                        "\nCST-8,M1.1.1\n",
                                        "\nCST-999\n",
                                        "\nCST-8CDT,M13.1.0,M4.1.0\n",
                                        "CST-8\n",
                                        "\nCST-8CDT,J0,J60\n",
                                        "\nCST-8CDT,M3.2.0,M11.1.0x\n"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        assert_fails(zone_read(bytes, zone_file(bytes, 1, rules[i]), "made", &z), ERR_PARSE,
                     "made");
    n = zone_file(bytes, 2, "\n\n");
    assert_ok(zone_read(bytes, n, "made", &z)); /* no rule: the last offset stays */
    assert_int_equal(zone_offset_s(z, INT64_C(4) << 40), 32400);
    zone_free(z);
    for (size_t i = 0; i < n; i++) { /* any single byte: read or refused */
        uint8_t kept = bytes[i];
        bytes[i] = 0xff;
        if (zone_read(bytes, n, "made", &z) == ERR_OK) zone_free(z);
        bytes[i] = kept;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_belong_to_the_month_of_the_team),
        cmocka_unit_test(windows_touch_and_fit_daylight_saving),
        cmocka_unit_test(a_day_may_begin_at_one),
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(zones_have_names_or_offsets),
        cmocka_unit_test(texts_of_days_and_months),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
