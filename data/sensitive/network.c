/* SPDX-License-Identifier: Apache-2.0
 * Addresses of the network: mail, IPv4, IPv6, and URLs with a password in them. What is reserved
 * for documentation or is not public is passed over (RFC 2606, 5737, 3849, 9637; IANA's
 * special-purpose registries), and so are version numbers and code that only looks like an address.
 * Read next: data/sensitive/scan.h. */
#include "data/sensitive/scan.h"

#include <string.h>

enum { LOCAL_MAX = 64, DOMAIN_MAX = 255, LABEL_MAX = 63, USER_MAX = 64, PASSWORD_MAX = 128 };

static bool is_local(uint32_t c) {
    return is_word(c) || is_one_of(c, ".%+-");
}

/* Top-level domains that people's addresses are under, beside those of two letters. Others are more
 * often a field of an object than a domain: q@k.transpose, h@W.weight. */
static bool is_top_level(const struct scan *s, int64_t begin, int64_t end) {
    static const char known[] =
        "com|net|org|edu|gov|mil|int|info|biz|name|pro|dev|app|xyz|top|site|"
        "online|tech|store|club|vip|wang|ren|cloud|shop|live|work|email|link|"
        "group|ltd|icu|fun|moe|mobi|asia|space|website|press|host|world|"
        "today|team|life|news|blog|wiki|art|design|studio|agency|media|jobs|"
        "travel|coop|aero";
    struct scan alone = {s->points, end};
    if (end - begin == 2) return is_letter(s->points[begin]) && is_letter(s->points[begin + 1]);
    return pattern_match(&alone, begin, known, true) == end;
}

/* End of the domain that begins at `at`: up to the last label that is a top-level domain, or -1. */
static int64_t domain_end(const struct scan *s, int64_t at) {
    int64_t found = -1, begin = at;
    for (int labels = 1; begin - at < DOMAIN_MAX; labels++) {
        int64_t end = begin;
        while (end - begin <= LABEL_MAX &&
               (is_letter(scan_at(s, end)) || is_digit(scan_at(s, end)) ||
                (end > begin && scan_at(s, end) == '-')))
            end++;
        if (end == begin || end - begin > LABEL_MAX) break;
        if (labels > 1 && is_top_level(s, begin, end)) found = end;
        if (scan_at(s, end) != '.') break;
        begin = end + 1;
    }
    return found;
}

/* Whether one label of the domain is a word, in any case. */
static bool has_label(const struct scan *s, int64_t begin, int64_t end, const char *words) {
    struct scan alone = {s->points, end};
    for (int64_t i = begin; i < end; i++) {
        if (i > begin && s->points[i - 1] != '.') continue;
        int64_t found = pattern_match(&alone, i, words, true);
        if (found >= 0 && (found == end || s->points[found] == '.')) return true;
    }
    return false;
}

/* Whether what ends before `at` is "//user:" or "//": the name belongs to a URL. */
static bool in_url(const struct scan *s, int64_t at) {
    int64_t begin = at;
    if (scan_at(s, begin - 1) == ':')
        for (begin--; at - begin < USER_MAX && is_local(scan_at(s, begin - 1));) begin--;
    return scan_at(s, begin - 1) == '/' && scan_at(s, begin - 2) == '/';
}

/* Whether a call or an index follows, as in q@k.to(device), and not a remark in brackets. */
static bool is_call(const struct scan *s, int64_t end) {
    if (!is_one_of(scan_at(s, end), "([") || scan_at(s, end + 1) >= 0x80) return false;
    return !ends_with(s, end, ".com|.cn|.net|.org|.edu|.gov");
}

bool find_email(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const char nobody[] =
        "git|no-reply|noreply|no_reply|donotreply|do-not-reply|mailer-daemon|"
        "xxx|someone|username|your-name|yourname|your.name";
    static const char reserved[] =
        "example|yourdomain|yourcompany|your-domain|xxx|noreply|localhost";
    (void)pattern;
    int64_t begin = at, end = domain_end(s, at + 1);
    if (end < 0 || is_word(scan_at(s, end)) || scan_at(s, end) == '@') return false;
    if (is_call(s, end)) return false;
    while (at - begin <= LOCAL_MAX && is_local(scan_at(s, begin - 1))) begin--;
    if (at - begin > LOCAL_MAX) return false;
    if (scan_at(s, begin - 1) == '\\' && is_one_of(scan_at(s, begin), "nrt")) begin++;
    while (begin < at && is_one_of(s->points[begin], ".%+-")) begin++;
    if (begin == at || s->points[at - 1] == '.') return false;
    if (in_url(s, begin)) return false;
    if (scan_at(s, end) == ':' && is_word(scan_at(s, end + 1))) return false; /* host:path */
    struct scan local = {s->points, at};
    if (pattern_match(&local, begin, nobody, true) == at) return false;
    if (has_label(s, at + 1, end, reserved)) return false;
    struct scan whole = {s->points, end};
    if (pattern_match(&whole, at + 1, "domain.com|email.com|mail.com", true) == end) return false;
    if (pattern_match(&whole, at + 1, "[0-9]{1,2}x.", true) >= 0) return false; /* icon@2x.png */
    *hit = (struct hit){begin, end, 1, end - at};
    return true;
}

static bool public_ipv4(const int *o) {
    int single = (o[0] < 10) + (o[1] < 10) + (o[2] < 10) + (o[3] < 10);
    if (single >= 2 || o[1] == 0 || o[2] == 0)
        return false; /* a version or a chapter, nearly always */
    if (o[0] == 0 || o[0] == 10 || o[0] == 127 || o[0] >= 224) return false;
    if (o[0] == 100 && o[1] >= 64 && o[1] < 128) return false;
    if (o[0] == 169 && o[1] == 254) return false;
    if (o[0] == 172 && o[1] >= 16 && o[1] < 32) return false;
    if (o[0] == 192 && (o[1] == 168 || (o[1] == 0 && (o[2] == 0 || o[2] == 2)))) return false;
    if (o[0] == 198 && (o[1] == 18 || o[1] == 19 || (o[1] == 51 && o[2] == 100))) return false;
    if (o[0] == 203 && o[1] == 0 && o[2] == 113) return false;
    return true;
}

/* Resolvers that everybody writes into a configuration. */
static bool known_server(const int *o) {
    static const int servers[][4] = {
        {114, 114, 114, 114}, {114, 114, 115, 115}, {223, 5, 5, 5},
        {223, 6, 6, 6},       {119, 29, 29, 29},    {180, 76, 76, 76},
        {9, 9, 9, 9},         {149, 112, 112, 112}, {208, 67, 222, 222}};
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        if (memcmp(servers[i], o, sizeof servers[i]) == 0) return true;
    return false;
}

/* 0 to 255 without leading zeros; returns its end, or -1. */
static int64_t octet(const struct scan *s, int64_t at, int *out) {
    int64_t end = at;
    *out = 0;
    while (end - at < 4 && is_digit(scan_at(s, end)))
        *out = 10 * *out + (int)(s->points[end++] - '0');
    bool zeros = s->n > at && scan_at(s, at) == '0' && end - at > 1;
    return end == at || end - at > 3 || *out > 255 || zeros ? -1 : end;
}

bool find_ipv4(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    static const char numbering[] =
        "版本|固件|version|ver|firmware|release|build|section|clause|章|第|节";
    (void)pattern;
    uint32_t before = scan_at(s, at - 1);
    int octets[4];
    if (!begins_apart(s, at) || before == '.' || (before == '/' && is_letter(scan_at(s, at - 2))))
        return false;
    int64_t end = at;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && scan_at(s, end++) != '.') return false;
        end = octet(s, end, &octets[i]);
        if (end < 0) return false;
    }
    uint32_t behind = scan_at(s, end), next = scan_at(s, end + 1);
    if (is_word(behind) || (is_one_of(behind, ".-") && is_word(next))) return false;
    if (!public_ipv4(octets) || known_server(octets)) return false;
    if (before == ' ' && behind == ' ' && is_digit(scan_at(s, at - 2)) && is_digit(next))
        return false; /* among numbers, as in an SVG path: 2.83 3.51.98.32 2.03 */
    if (pattern_match(s, end, " {0,1}[节章条款版]", false) >= 0) return false;
    if (said_before(s, at, 8, numbering)) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

static int hex_value(uint32_t c) {
    if (is_digit(c)) return (int)c - '0';
    return is_one_of(c, "abcdefABCDEF") ? (int)(c | 0x20) - 'a' + 10 : -1;
}

/* Reads eight groups, or fewer with one "::". Returns the end, or -1; `groups` are those before the
 * gap, of which there are *n. */
static int64_t read_ipv6(const struct scan *s, int64_t at, int *groups, int *n) {
    int count = 0;
    bool gap = false;
    *n = 0;
    for (;;) {
        int value = 0, digits = 0;
        while (digits < 5 && hex_value(scan_at(s, at)) >= 0) {
            value = 16 * value + hex_value(s->points[at++]);
            digits++;
        }
        if (digits > 4) return -1;
        if (digits > 0) {
            if (++count > 8) return -1;
            if (!gap) groups[(*n)++] = value;
        }
        if (scan_at(s, at) != ':') break;
        if (scan_at(s, at + 1) == ':') {
            if (gap) return -1;
            gap = true;
            at += 2;
            if (hex_value(scan_at(s, at)) < 0) break;
        } else {
            if (hex_value(scan_at(s, at + 1)) < 0) break; /* a colon of the sentence */
            at++;
        }
    }
    return (gap && count < 8) || (!gap && count == 8) ? at : -1;
}

bool find_ipv6(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    (void)pattern;
    int groups[8] = {0}, n;
    if (!begins_apart(s, at) || is_one_of(scan_at(s, at - 1), ":.")) return false;
    int64_t end = read_ipv6(s, at, groups, &n);
    if (end < 0 || n < 2 || is_word(scan_at(s, end)) || scan_at(s, end) == ':') return false;
    if (groups[0] < 0x2000 || groups[0] > 0x3FFF) return false; /* 2000::/3 is what is public */
    if (groups[0] == 0x2001 && (groups[1] < 0x200 || groups[1] == 0xDB8)) return false;
    if (groups[0] == 0x3FFF && groups[1] < 0x1000) return false;
    bool resolver = (groups[0] == 0x2001 && groups[1] == 0x4860 && groups[2] == 0x4860) ||
                    (groups[0] == 0x2606 && groups[1] == 0x4700 && groups[2] == 0x4700) ||
                    (groups[0] == 0x2400 && groups[1] == 0x3200 && n <= 2);
    if (resolver) return false;
    hit->begin = at;
    hit->end = end;
    return true;
}

/* Of a user's name or password in a URL; RFC 3986 and what people write all the same. */
static bool in_userinfo(uint32_t c) {
    return c > ' ' && c < 0x7F && !is_one_of(c, ":@/\\\"'<>`|[]");
}

bool find_url_password(const struct scan *s, int64_t at, const char *pattern, struct hit *hit) {
    int64_t begin = at;
    (void)pattern;
    if (scan_at(s, at + 1) != '/' || scan_at(s, at + 2) != '/') return false;
    while (at - begin < 16 &&
           (is_word(scan_at(s, begin - 1)) || is_one_of(scan_at(s, begin - 1), "+-")))
        begin--;
    if (at - begin < 2) return false;
    int64_t user = at + 3;
    while (user - at < USER_MAX && in_userinfo(scan_at(s, user))) user++;
    if (scan_at(s, user) != ':') return false;
    int64_t password = user + 1, end = password;
    while (end - password < PASSWORD_MAX && in_userinfo(scan_at(s, end))) end++;
    if (end - password < 4 || scan_at(s, end) != '@' || !is_word(scan_at(s, end + 1))) return false;
    if (placeholder(s, password, end)) return false;
    int64_t host = end; /* taken along, or the rest would read as a mail address */
    do end++;
    while (end - host < DOMAIN_MAX &&
           (is_word(scan_at(s, end)) || is_one_of(scan_at(s, end), ".-")));
    if (has_label(s, host + 1, end, "example")) return false;
    *hit = (struct hit){begin, end, at + 3 - begin, end - host};
    return true;
}
