/* SPDX-License-Identifier: Apache-2.0
 * Numbers of people: telephones, identity numbers, bank cards, passports, licence plates. Grouping,
 * prefixes and checksums are checked, and a number that calculates, measures or belongs to a longer
 * name is none of them.
 * Sources: GB 11643-1999 (identity numbers, with ISO 7064 MOD 11-2), ISO/IEC 7812 (cards, with
 * Luhn's check), GA 36-2018 (plates).
 * Read next: data/sensitive/scan.h. */
#include "data/sensitive/scan.h"

#include <string.h>

enum { DIGITS_MAX = 24, GROUPS_MAX = 8 };

/* Digits in groups, one blank or hyphen (the same one) between them. */
struct digits {
    char text[DIGITS_MAX + 1];
    int n, n_groups, sizes[GROUPS_MAX];
    int64_t ends[GROUPS_MAX]; /* of each group, in the text */
    uint32_t separator;       /* 0: one group */
};

static uint32_t separator_at(const struct scan *s, int64_t at) {
    uint32_t c = scan_at(s, at);
    if (c == ' ' || c == 0xA0) return ' ';
    return c == '-' || c == 0x2212 || (c >= 0x2010 && c <= 0x2013) ? '-' : 0;
}

/* Stops before what would be too much; a group longer than there is room for is left out whole. */
static void read_digits(const struct scan *s, int64_t at, struct digits *d) {
    *d = (struct digits){.n = 0};
    while (d->n_groups < GROUPS_MAX) {
        int n = 0;
        while (d->n + n < DIGITS_MAX && is_digit(scan_at(s, at + n))) {
            d->text[d->n + n] = (char)scan_at(s, at + n);
            n++;
        }
        if (n == 0 || is_digit(scan_at(s, at + n))) break;
        d->n += n;
        at += n;
        d->sizes[d->n_groups] = n;
        d->ends[d->n_groups++] = at;
        uint32_t separator = separator_at(s, at);
        if (!separator || (d->separator && separator != d->separator)) break;
        d->separator = separator;
        at++;
    }
    d->text[d->n] = '\0';
}

/* Whether the groups from `first` on begin with those of `sizes` ("3-4-4" as {3, 4, 4, 0}); returns
 * the end of the last of them, or -1. */
static int64_t grouped(const struct digits *d, int first, const int *sizes) {
    int i = 0;
    for (; sizes[i]; i++)
        if (first + i >= d->n_groups || d->sizes[first + i] != sizes[i]) return -1;
    return d->ends[first + i - 1];
}

static int64_t grouped_as(const struct digits *d, int first, const int (*forms)[6], int n) {
    for (int i = 0; i < n; i++) {
        int64_t end = grouped(d, first, forms[i]);
        if (end >= 0) return end;
    }
    return -1;
}
#define GROUPED(d, first, forms) grouped_as(d, first, forms, (int)(sizeof forms / sizeof forms[0]))

static int64_t skip_blanks(const struct scan *s, int64_t at, int step) {
    while (scan_at(s, at) == ' ') at += step;
    return at;
}

/* Whether the number [begin, end) takes part in a calculation. */
static bool calculates(const struct scan *s, int64_t begin, int64_t end) {
    static const char operators[] = "+*^=<>";
    int64_t before = skip_blanks(s, begin - 1, -1), behind = skip_blanks(s, end, 1);
    uint32_t left = scan_at(s, before), right = scan_at(s, behind);
    if ((is_one_of(right, operators) || right == 0xD7 || right == 0xF7) &&
        is_digit(scan_at(s, skip_blanks(s, behind + 1, 1))))
        return true;
    return (is_one_of(left, operators) || left == 0xD7 || left == 0xF7) &&
           is_digit(scan_at(s, skip_blanks(s, before - 1, -1)));
}

static bool number_begins(const struct scan *s, int64_t at) {
    uint32_t before = scan_at(s, at - 1);
    if (!begins_apart(s, at) || is_one_of(before, "$#") || before == 0xA5 || before == 0xFFE5)
        return false;
    bool joined = before == ',' || separator_at(s, at - 1) == '-';
    if (joined) return !is_digit(scan_at(s, at - 2));
    return before != '.' || !is_word(scan_at(s, at - 2));
}

/* Whether a number [begin, end) that is complete in itself also ends there. */
static bool number_ends(const struct scan *s, int64_t begin, int64_t end) {
    static const char units[] =
        " {0,1}[%元圆万亿吨]| {0,1}美元| {0,1}公里| {0,1}字节| {0,1}毫秒| {0,1}人民币";
    uint32_t behind = scan_at(s, end), next = scan_at(s, end + 1);
    if (is_word(behind)) return false;
    if (behind == '.' && is_word(next)) return false;
    if (separator_at(s, end) == '-' && is_word(next)) return false;
    return pattern_match(s, end, units, false) < 0 && !calculates(s, begin, end);
}

static int n_different(const char *digits) {
    int seen = 0;
    for (; *digits; digits++) seen |= 1 << (*digits - '0');
    return __builtin_popcount((unsigned)seen);
}

bool find_mobile(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const int forms[][6] = {{11}, {3, 4, 4}, {3, 8}, {7, 4}, {4, 3, 4}, {3, 3, 5}};
    static const int with_country[][6] = {{13}, {15}};
    (void)pattern;
    struct digits d;
    if (!number_begins(s, at)) return false;
    read_digits(s, at, &d);
    bool plus = scan_at(s, at - 1) == '+';
    int skipped = 0, first = 0; /* digits and groups of the country's code */
    if (strncmp(d.text, "86", 2) == 0) skipped = 2;
    if (strncmp(d.text, "0086", 4) == 0) skipped = 4;
    bool apart = skipped && d.sizes[0] == skipped && (plus || skipped == 4);
    if (apart) first = 1;
    int64_t end = -1;
    if (skipped && !apart && d.sizes[0] == skipped + 11)
        end = GROUPED(&d, 0, with_country);
    else if (!skipped || apart)
        end = GROUPED(&d, first, forms);
    const char *number = d.text + skipped;
    if (end < 0 || number[0] != '1' || number[1] < '3') return false;
    if (!number_ends(s, at, end)) return false;
    if (strncmp(number, "13800138000", 11) == 0) return false; /* an operator's, used in examples */
    if (strncmp(number, "17179869184", 11) == 0) return false; /* 2^34 */
    if (strncmp(number + 3, "0000000", 7) == 0) return false;  /* a round number */
    hit->begin = plus ? at - 1 : at;
    hit->end = end;
    return true;
}

/* The area code in the digits, 0 dropped: "10", "21" with a number of eight digits, "755" with one
 * of seven or eight. Returns the code's length, or 0. */
static int area_code(const char *digits) {
    if (strncmp(digits, "10", 2) == 0) return 2;
    if (digits[0] == '2') return digits[1] != '6' && digits[1] ? 2 : 0;
    return digits[0] >= '3' && digits[0] <= '9' ? 3 : 0;
}

/* The subscriber's number behind an area code of `code` digits that ends at `at`; -1: none. */
static int64_t subscriber(const struct scan *s, int64_t at, int code) {
    static const int eight[][6] = {{8}, {4, 4}}, seven[][6] = {{7}, {3, 4}};
    struct digits d;
    read_digits(s, at, &d);
    if (d.text[0] < '2') return -1;
    int64_t end = GROUPED(&d, 0, eight);
    return end < 0 && code == 3 ? GROUPED(&d, 0, seven) : end;
}

bool find_landline(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const char context[] = "电话|座机|固话|热线|传真|联系方式|致电|拨打|tel|phone|fax|call";
    (void)pattern;
    uint32_t first = scan_at(s, at);
    bool plus = scan_at(s, at - 1) == '+', paren = scan_at(s, at - 1) == '(';
    if ((first != '0' && !plus) || !number_begins(s, at)) return false;
    int64_t begin = at, zero = first == '0';
    if (plus) { /* +86 10 ... */
        if (first != '8' || scan_at(s, at + 1) != '6') return false;
        begin = at + 2 + (separator_at(s, at + 2) != 0);
        zero = scan_at(s, begin) == '0';
    }
    char digits[4] = {0};
    for (int i = 0; i < 3 && is_digit(scan_at(s, begin + zero + i)); i++)
        digits[i] = (char)scan_at(s, begin + zero + i);
    int code = area_code(digits);
    if (!code || !is_digit((uint32_t)digits[code - 1])) return false;
    int64_t end = begin + zero + code;
    bool close = paren && scan_at(s, end) == ')';
    uint32_t separator = separator_at(s, end + close);
    end = subscriber(s, end + close + (separator != 0), code);
    if (end < 0) return false;
    uint32_t behind = scan_at(s, end);
    bool extension = separator_at(s, end) == '-' && is_digit(scan_at(s, end + 1));
    if (is_word(behind) || (!extension && !number_ends(s, at, end))) return false;
    if (!plus && !close && separator != '-' && !said_before(s, at, 12, context)) return false;
    hit->begin = at - (plus || close);
    hit->end = end;
    return true;
}

static int two(const char *digits) {
    return 10 * (digits[0] - '0') + digits[1] - '0';
}

static bool is_birthday(int year, int month, int day) {
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1900 || year > 2039 || month < 1 || month > 12) return false;
    return day >= 1 && day <= days[month - 1] - (month == 2 && !leap);
}

/* The first two digits: provinces by regions 1 to 6, and Taiwan, Hong Kong, Macao. */
static bool is_province(int code) {
    static const int last[] = {0, 15, 23, 37, 46, 54, 65};
    if (code == 71 || (code >= 81 && code <= 83)) return true;
    return code / 10 >= 1 && code / 10 <= 6 && code % 10 >= 1 && code <= last[code / 10];
}

/* ISO 7064 MOD 11-2: sum of a_i * 2^(18 - i), i = 1..18, is 1 modulo 11; X counts 10. */
static bool mod_11_2(const char *id) {
    int sum = 0;
    for (int i = 0; i < 18; i++) sum = (2 * sum + (id[i] == 'X' ? 10 : id[i] - '0')) % 11;
    return sum == 1;
}

bool find_resident_id(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const int eighteen[][6] = {{18}, {6, 8, 4}}, seventeen[][6] = {{17}, {6, 8, 3}},
                     fifteen[][6] = {{15}};
    (void)pattern;
    struct digits d;
    if (!number_begins(s, at)) return false;
    read_digits(s, at, &d);
    if (d.n < 15 || !is_province(two(d.text))) return false;
    int64_t end = GROUPED(&d, 0, seventeen);
    if (end >= 0 && is_one_of(scan_at(s, end), "Xx")) {
        d.text[17] = 'X';
        end++;
    } else {
        end = GROUPED(&d, 0, eighteen);
    }
    if (end >= 0) {
        if (!is_birthday(100 * two(d.text + 6) + two(d.text + 8), two(d.text + 10),
                         two(d.text + 12)))
            return false;
        if (!mod_11_2(d.text)) return false;
    } else { /* of before 1999, without a checksum */
        end = GROUPED(&d, 0, fifteen);
        if (end < 0 || !is_birthday(1900 + two(d.text + 6), two(d.text + 8), two(d.text + 10)))
            return false;
        if (!said_before(s, at, 16, "身份证|证件|公民身份|id card|identity|id no")) return false;
    }
    if (is_word(scan_at(s, end)) || !number_ends(s, at, end)) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

/* Luhn: from the right every second digit doubled, the digits of all summed, is 0 modulo 10. */
static bool luhn(const char *digits, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int x = (digits[n - 1 - i] - '0') << (i % 2);
        sum += x > 9 ? x - 9 : x;
    }
    return sum % 10 == 0;
}

/* Issuers by the leading four digits, and the lengths that each has in use. */
static bool is_issuer(const char *digits, int n) {
    static const struct {
        int first, last, n, other;
    } issuers[] = {
        {6200, 6299, 16, 19}, {4000, 4999, 16, 16}, {5100, 5599, 16, 16}, {2221, 2720, 16, 16},
        {3400, 3499, 15, 15}, {3700, 3799, 15, 15}, {3528, 3589, 16, 16}, {6011, 6011, 16, 16},
        {6440, 6599, 16, 16}, {3000, 3059, 14, 14}, {3600, 3699, 14, 14}, {3800, 3899, 14, 14},
    };
    int lead = 100 * two(digits) + two(digits + 2);
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++)
        if (lead >= issuers[i].first && lead <= issuers[i].last &&
            (n == issuers[i].n || n == issuers[i].other))
            return true;
    return false;
}

/* Whether groups [begin, end) stand in a row of more such numbers. */
static bool in_table(const struct scan *s, int64_t begin, int64_t end) {
    static const char more[] = "[ -][0-9A-F]{4,4}";
    int64_t behind = pattern_match(s, end, more, false);
    if (behind >= 0 && !is_word(scan_at(s, behind))) return true;
    return separator_at(s, begin - 1) && is_digit(scan_at(s, begin - 2));
}

bool find_bank_card(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const int forms[][6] = {{16},         {19},    {15},      {14},     {4, 4, 4, 4, 3},
                                   {4, 4, 4, 4}, {6, 13}, {4, 6, 5}, {4, 6, 4}};
    static const char *const published[] = {"4111111111111111", "4242424242424242",
                                            "5555555555554444", "378282246310005",
                                            "4012888888881881", "6011111111111117"};
    (void)pattern;
    struct digits d;
    if (!number_begins(s, at) || scan_at(s, at - 1) == '/') return false;
    read_digits(s, at, &d);
    int64_t end = GROUPED(&d, 0, forms);
    if (end < 0) return false;
    int n = 0;
    for (int i = 0; i < d.n_groups && d.ends[i] <= end; i++) n += d.sizes[i];
    d.text[n] = '\0';
    if (!is_issuer(d.text, n) || !luhn(d.text, n) || n_different(d.text) < 4) return false;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
        if (strcmp(d.text, published[i]) == 0) return false;
    if (!number_ends(s, at, end) || (d.n_groups > 1 && in_table(s, at, end))) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

bool find_passport(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    int64_t end = pattern_match(s, at, pattern, false);
    if (end < 0 || !begins_apart(s, at) || is_word(scan_at(s, end))) return false;
    if (!said_before(s, at, 16, "护照|passport")) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

bool find_plate(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    /* words that end with a province's character */
    static const char others[] =
        "北京|南京|东京|江苏|四川|天津|内蒙|南宁|辽宁|西宁|安宁|更新|全新|最新|"
        "刷新|收藏|隐藏|拉黑|里云|讯云|为云|动云|翼云|步云|白云|上云|宝贵";
    int64_t end = pattern_match(s, at, pattern, false);
    if (end < 0 || is_word(scan_at(s, end)) || said_before(s, at + 1, 0, others)) return false;
    int n_digits = 0, n = 0;
    for (int64_t i = at + 2; i < end; i++) {
        n += is_word(s->points[i]);
        n_digits += is_digit(s->points[i]);
    }
    if (n_digits < 3) return false;
    uint32_t first = scan_at(s, end - 6), last = scan_at(s, end - 1);
    if (n == 6 && !is_one_of(first, "DF") && !is_one_of(last, "DF")) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}
