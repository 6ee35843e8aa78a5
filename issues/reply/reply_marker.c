/* SPDX-License-Identifier: Apache-2.0
 * What may stand unquoted in a reply (ids, months, logins, addresses), and the comment by which a
 * later run sees that a reply was posted. What is checked here holds no character by which an HTML
 * comment ends.
 * Read next: issues/reply/reply.h. */
#include "issues/reply/reply.h"

#include "issues/reply/reply_int.h"
#include <string.h>

enum {
    URL_MAX_BYTES = 1000,
    LOGIN_MAX = 39,
    OWNER_MAX = 39,
    REPOSITORY_MAX = 100,
    NUMBER_MAX = 19,
};

static const char letters_digits[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/?#=&%+:,;";
enum { N_ALNUM = 62, N_LOGIN = 63, N_OWNER = 64, N_REPOSITORY = 65 };

/* How many characters from the start are among the first `kinds` of letters_digits. */
static size_t span_of(const char *text, size_t kinds) {
    size_t n = 0;
    while (text[n] && memchr(letters_digits, text[n], kinds)) n++;
    return n;
}

/* Letters, digits and single hyphens within; a managed user's has "_company" behind. */
bool valid_login(const char *login) {
    size_t n = span_of(login, N_LOGIN);
    if (n == 0 || login[0] == '-' || login[n - 1] == '-') return false;
    if (login[n] == '_') {
        size_t company = span_of(login + n + 1, N_ALNUM);
        if (company == 0) return false;
        n += 1 + company;
    }
    return n <= LOGIN_MAX && !login[n] && !strstr(login, "--");
}

/* Length of "OWNER/REPO#ISSUE@COMMENT" at the start of the text, or 0. */
size_t id_length(const char *text) {
    size_t n = span_of(text, N_OWNER);
    if (n == 0 || n > OWNER_MAX || text[n] != '/') return 0;
    size_t repository = span_of(text + ++n, N_REPOSITORY);
    if (repository == 0 || repository > REPOSITORY_MAX || text[n + repository] != '#') return 0;
    n += repository + 1;
    size_t number = strspn(text + n, "0123456789");
    if (number == 0 || number > NUMBER_MAX) return 0;
    n += number;
    if (text[n] != '@') return n;
    number = strspn(text + n + 1, "0123456789");
    return number == 0 || number > NUMBER_MAX ? 0 : n + 1 + number;
}

/* Length of "2024-03" at the start of the text, or 0. */
size_t month_length(const char *text) {
    for (int i = 0; i < 7; i++)
        if (i == 4 ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return 0;
    int month = 10 * (text[5] - '0') + text[6] - '0';
    return month >= 1 && month <= 12 ? 7 : 0;
}

bool valid_url(const char *url) {
    size_t n = strlen(url);
    return str_starts(url, "https://") && n > strlen("https://") && n <= URL_MAX_BYTES &&
           span_of(url, sizeof letters_digits - 1) == n;
}

err marker_write(const struct reply *r, struct str *out) {
    return str_printf(out, "\n<!-- cotrain:reply %s %s %s -->\n", r->id, reply_rows[r->kind].name,
                      r->month);
}

/* Whether a line, its end and trailing blanks left out, is a marker. */
static bool read_marker(const char *line, size_t n, struct reply_marker *out) {
    static const char head[] = "<!-- cotrain:reply ", tail[] = " -->";
    const char *end = line + n;
    if (n < sizeof head || memcmp(line, head, sizeof head - 1) != 0) return false;
    line += sizeof head - 1;
    size_t id = id_length(line);
    if (id == 0 || id >= sizeof out->id || line[id] != ' ') return false;
    const char *kind = line + id + 1;
    size_t name = strcspn(kind, " \n");
    const char *month = kind + name + 1;
    if (kind[name] != ' ' || month_length(month) != 7 || month + 7 + sizeof tail - 1 != end ||
        memcmp(month + 7, tail, sizeof tail - 1) != 0)
        return false;
    for (int i = 0; i < REPLY_COUNT; i++) {
        if (strlen(reply_rows[i].name) != name || memcmp(reply_rows[i].name, kind, name) != 0)
            continue;
        *out = (struct reply_marker){.kind = (enum reply_kind)i};
        memcpy(out->id, line, id);
        memcpy(out->month, month, 7);
        return true;
    }
    return false;
}

bool reply_marker_find(const char *body, struct reply_marker *out) {
    bool found = false;
    while (*body) {
        size_t n = strcspn(body, "\n"), line = n;
        while (line > 0 && (body[line - 1] == '\r' || body[line - 1] == ' ')) line--;
        struct reply_marker marker;
        if (read_marker(body, line, &marker)) {
            *out = marker;
            found = true;
        }
        body += n + (body[n] == '\n');
    }
    return found;
}
