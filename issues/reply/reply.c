/* SPDX-License-Identifier: Apache-2.0
 * From the fields of a reply to its text: the template's lines, each {value} written by a function
 * of the table below. A value that writes nothing is not given.
 * Read next: issues/reply/reply.h, what is promised; issues/reply/quote.c, how strangers' texts are
 * quoted. */
#include "issues/reply/reply.h"

#include "issues/reply/reply_int.h"
#include <stdio.h>
#include <string.h>

const struct reply_row reply_rows[REPLY_COUNT] = {
#define REPLY(name, needs, help, zh, en) {#name, help, needs},
#define FIELD(...)
#include "issues/reply/replies.def"
#undef FIELD
#undef REPLY
};
static const struct {
    const char *zh, *en;
} texts[REPLY_COUNT] = {
#define REPLY(name, needs, help, zh, en) {zh, en},
#define FIELD(...)
#include "issues/reply/replies.def"
#undef FIELD
#undef REPLY
};
static const struct field {
    const char *missing; /* what it asks for */
    struct {
        const char *label, *ask, *sample;
    } in[2]; /* Chinese, English */
} fields[] = {
#define REPLY(...)
#define FIELD(missing, label_zh, ask_zh, sample_zh, label_en, ask_en, sample_en)                   \
    {missing, {{label_zh, ask_zh, sample_zh}, {label_en, ask_en, sample_en}}},
#include "issues/reply/replies.def"
#undef FIELD
#undef REPLY
};
enum {
    N_FIELDS = sizeof fields / sizeof fields[0],
    SCENARIO_MAX = 300, /* characters of quotes; together far below REPLY_MAX_CHARS */
    REASON_MAX = 4000,
    NAME_MAX_CHARS = 120,
};

static bool chinese(const struct reply *r) {
    return r->language && strcmp(r->language, "zh") == 0;
}

static err check_id(const char *name, const char *id) {
    size_t n = id_length(id);
    if (n > 0 && !id[n]) return ERR_OK;
    return fail(ERR_PARSE, "%s: '%s' is no id of a request, as OWNER/REPO#22@1898012345", name, id);
}

static err check_month(const char *name, const char *month) {
    if (month_length(month) == 7 && !month[7]) return ERR_OK;
    return fail(ERR_PARSE, "%s: '%s' is not a month, as 2024-03", name, month);
}

static err write_hello(const struct reply *r, struct str *out) {
    const char *at = r->login && valid_login(r->login) ? "@" : "";
    const char *login = *at ? r->login : "";
    const char *blank = *at ? " " : "";
    if (chinese(r)) return str_printf(out, "%s%s%s您好，", at, login, blank);
    return str_printf(out, "Hello%s%s%s,", blank, at, login);
}

static err write_scenario(const struct reply *r, struct str *out) {
    return reply_quote(r->scenario, SCENARIO_MAX, out);
}

static err write_reason(const struct reply *r, struct str *out) {
    return reply_quote(r->reason, REASON_MAX, out);
}

/* "2024 年 3 月" with the blank that Chinese text has there, or "March 2024". */
static err month_text(const struct reply *r, const char *name, const char *month, struct str *out) {
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    if (!month) return ERR_OK;
    TRY(check_month(name, month));
    int number = 10 * (month[5] - '0') + month[6] - '0';
    if (chinese(r)) return str_printf(out, "%.4s 年 %d 月", month, number);
    return str_printf(out, "%s %.4s", names[number - 1], month);
}

static err write_month(const struct reply *r, struct str *out) {
    return month_text(r, "month", r->month, out);
}

static err write_to_month(const struct reply *r, struct str *out) {
    return month_text(r, "to_month", r->to_month, out);
}

static bool is_missing(const struct reply *r, const char *what) {
    for (int64_t i = 0; i < r->n_missing; i++)
        if (strcmp(r->missing[i], what) == 0) return true;
    return false;
}

static err write_missing(const struct reply *r, struct str *out) {
    int language = chinese(r) ? 0 : 1;
    for (int i = 0; i < N_FIELDS; i++) {
        const char *ask = fields[i].in[language].ask;
        if (!*ask || !is_missing(r, fields[i].missing)) continue;
        if (out->len > 0) TRY(str_add(out, "\n"));
        TRY(str_printf(out, language == 0 ? "- %s：%s" : "- %s: %s", fields[i].in[language].label,
                       ask));
    }
    return ERR_OK;
}

/* A fenced block, which is read as it stands: a line that begins with a label does not end it. */
static err write_lines(const struct reply *r, bool sample, struct str *out) {
    int language = chinese(r) ? 0 : 1;
    TRY(str_add(out, "```text\n"));
    for (int i = 0; i < N_FIELDS; i++) {
        TRY(str_add(out, fields[i].in[language].label));
        TRY(str_add(out, language == 0 ? "：" : ": "));
        if (sample)
            TRY(str_add(out, fields[i].in[language].sample));
        else if (i == 0 && r->scenario)
            TRY(quote_plain(r->scenario, SCENARIO_MAX, out));
        TRY(str_add(out, "\n"));
    }
    return str_add(out, "```");
}

static err write_form(const struct reply *r, struct str *out) {
    return write_lines(r, false, out);
}

static err write_sample(const struct reply *r, struct str *out) {
    return write_lines(r, true, out);
}

static err write_rank(const struct reply *r, struct str *out) {
    if (r->rank < 0 || r->of < 0 || (r->of > 0 && r->rank > r->of))
        return fail(ERR_RANGE, "rank %lld of %lld", (long long)r->rank, (long long)r->of);
    if (r->rank == 0) return ERR_OK;
    return str_printf(out, chinese(r) ? "%lld 位" : "%lld", (long long)r->rank);
}

static err write_of(const struct reply *r, struct str *out) {
    if (r->of == 0) return ERR_OK;
    return str_printf(out, chinese(r) ? "（共 %lld 项）" : " of %lld", (long long)r->of);
}

static err write_merged_with(const struct reply *r, struct str *out) {
    if (!r->merged_with) return ERR_OK;
    TRY(check_id("merged_with", r->merged_with));
    return reply_quote(r->merged_with, NAME_MAX_CHARS, out);
}

static err write_url(const char *name, const char *url, struct str *out) {
    if (!url) return ERR_OK;
    if (!valid_url(url))
        return fail(ERR_PARSE,
                    "%s: '%s' is no address that begins with https:// and needs no quoting", name,
                    url);
    return str_printf(out, "<%s>", url);
}

static err write_merged_url(const struct reply *r, struct str *out) {
    return write_url("merged_url", r->merged_url, out);
}

static err write_release(const struct reply *r, struct str *out) {
    return reply_quote(r->release_name, NAME_MAX_CHARS, out);
}

static err write_release_url(const struct reply *r, struct str *out) {
    return write_url("release_url", r->release_url, out);
}

static err write_cases(const struct reply *r, struct str *out) {
    return r->n_cases > 0 ? str_printf(out, "%lld", (long long)r->n_cases) : ERR_OK;
}

/* Tenths of a percent. */
static err tenths_of(double score, int *out) {
    if (!(score >= 0 && score <= 1))
        return fail(ERR_RANGE, "a score of %g is not from 0 to 1", score);
    *out = (int)(1000 * score + 0.5);
    return ERR_OK;
}

static err write_score(const struct reply *r, double score, struct str *out) {
    int tenths = 0;
    if (r->n_cases <= 0) return ERR_OK;
    TRY(tenths_of(score, &tenths));
    return str_printf(out, "%d.%d%%", tenths / 10, tenths % 10);
}

static err write_before(const struct reply *r, struct str *out) {
    return write_score(r, r->before, out);
}

static err write_after(const struct reply *r, struct str *out) {
    return write_score(r, r->after, out);
}

/* Of the two as they are shown, so that the three numbers agree. */
static err write_change(const struct reply *r, struct str *out) {
    int before = 0, after = 0;
    if (r->n_cases <= 0) return ERR_OK;
    TRY(tenths_of(r->before, &before));
    TRY(tenths_of(r->after, &after));
    int change = abs(after - before);
    const char *sign = after > before ? "+" : after < before ? "-" : "±";
    return str_printf(out, "%s%d.%d", sign, change / 10, change % 10);
}

static const struct value {
    const char *name;
    err (*write)(const struct reply *r, struct str *out);
} values[] = {
    {"hello", write_hello},
    {"scenario", write_scenario},
    {"reason", write_reason},
    {"month", write_month},
    {"to_month", write_to_month},
    {"missing", write_missing},
    {"form", write_form},
    {"sample", write_sample},
    {"rank", write_rank},
    {"of", write_of},
    {"merged_with", write_merged_with},
    {"merged_url", write_merged_url},
    {"release", write_release},
    {"release_url", write_release_url},
    {"cases", write_cases},
    {"before", write_before},
    {"after", write_after},
    {"change", write_change},
};

/* Appends the value of that name; *given tells whether there is one. */
static err write_value(const struct reply *r, const char *name, size_t n, struct str *out,
                       bool *given) {
    struct str text = {0};
    const struct value *value = NULL;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (strlen(values[i].name) == n && memcmp(values[i].name, name, n) == 0) value = &values[i];
    BUG_IF(!value);
    err code = value->write(r, &text);
    *given = text.len > 0 || value->write == write_of;
    if (code == ERR_OK) code = str_append(out, str_text(&text), text.len);
    str_release(&text);
    return code;
}

static err check_needs(const struct reply *r) {
    const char *name = reply_rows[r->kind].needs;
    while (*name) {
        size_t n = strcspn(name, ",");
        struct str ignored = {0};
        bool given;
        err code = write_value(r, name, n, &ignored, &given);
        str_release(&ignored);
        if (code != ERR_OK) return code;
        if (!given)
            return fail(ERR_MISSING, "a reply of the kind '%s' needs '%.*s'",
                        reply_rows[r->kind].name, (int)n, name);
        name += n + (name[n] == ',');
    }
    return ERR_OK;
}

/* One line of a template, without its end. */
static err write_line(const struct reply *r, const char *line, size_t n, struct str *out,
                      bool *whole) {
    *whole = true;
    for (size_t i = 0; i < n;) {
        if (line[i] != '{') {
            TRY(str_append(out, line + i++, 1));
            continue;
        }
        size_t length = strcspn(line + i, "}");
        bool given;
        TRY(write_value(r, line + i + 1, length - 1, out, &given));
        *whole &= given;
        i += length + 1;
    }
    return ERR_OK;
}

static err write_template(const struct reply *r, const char *text, struct str *out) {
    bool blank = true; /* the line before */
    while (*text) {
        size_t n = strcspn(text, "\n"), before = out->len;
        bool whole;
        TRY(write_line(r, text, n, out, &whole));
        if (!whole && out->len > before) {
            out->len = before;
            out->data[before] = '\0';
        }
        if (whole && (out->len > before || !blank)) {
            blank = out->len == before;
            TRY(str_add(out, "\n"));
        }
        text += n + (text[n] == '\n');
    }
    return ERR_OK;
}

err reply_draft(const struct reply *r, struct str *out) {
    if (!r->id) return fail(ERR_MISSING, "a reply needs the id of its request");
    if (!r->month) return fail(ERR_MISSING, "a reply needs the month of its plan");
    TRY(check_id("id", r->id));
    TRY(check_month("month", r->month));
    TRY(check_needs(r));
    TRY(write_template(r, chinese(r) ? texts[r->kind].zh : texts[r->kind].en, out));
    return marker_write(r, out);
}
