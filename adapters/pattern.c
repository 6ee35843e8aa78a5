/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions as a small program that is run over a name, all its threads side by side
 * (Thompson 1968): time is length of key times length of name, memory is on the stack. Keys come
 * from files of others, so their length and depth are bounded.
 * Read next: adapters/pattern.h, the contract. */
#include "adapters/pattern.h"

#include <stdint.h>
#include <string.h>

enum { MAX_KEY = 200, MAX_DEPTH = 20, MAX_CODE = 2 * MAX_KEY + 2, SET_BYTES = 32 };

enum instruction_kind {
    TAKE,  /* one character of the set */
    FORK,  /* goes on at +first and at +second */
    BEGIN, /* only before the first character */
    END,   /* only behind the last */
    FOUND,
};
struct instruction {
    enum instruction_kind kind;
    int first, second; /* from this instruction; TAKE, BEGIN and END go on at +1 */
    uint8_t set[SET_BYTES];
};

struct reading {
    const char *key, *at;
    struct instruction code[MAX_CODE];
    int n, depth;
};

static err unknown(const struct reading *r, const char *what) {
    err e = fail(ERR_UNSUPPORTED, "pattern '%s': %s at character %d", r->key, what,
                 (int)(r->at - r->key) + 1);
    return fail_hint(e, "handled are . [..] \\d \\w \\s \\. (..) | * + ? ^ $ and plain characters");
}

/* Room for one instruction at `at`; what stands behind moves up (jumps are relative). */
static struct instruction *insert(struct reading *r, int at, enum instruction_kind kind) {
    memmove(&r->code[at + 1], &r->code[at], (size_t)(r->n - at) * sizeof r->code[0]);
    r->n++;
    r->code[at] = (struct instruction){.kind = kind};
    return &r->code[at];
}

/* ---- sets of characters ---- */

static void set_add(uint8_t *set, unsigned char c) {
    set[c / 8] |= (uint8_t)(1u << c % 8);
}

static bool set_has(const uint8_t *set, unsigned char c) {
    return set[c / 8] >> c % 8 & 1;
}

static void set_turn(uint8_t *set) {
    for (int i = 0; i < SET_BYTES; i++) set[i] = (uint8_t)~set[i];
}

/* What stands behind a backslash: a class or a punctuation character. */
static err read_escape(struct reading *r, uint8_t *set) {
    const char c = *++r->at;
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    const char *all = c == 'w' ? word : c == 'd' ? "0123456789" : c == 's' ? " \t\n\r\f\v" : NULL;
    if (!all && (c == '\0' || strchr(word, c))) return unknown(r, "an unknown escape");
    for (; all && *all; all++) set_add(set, (unsigned char)*all);
    if (c != 'w' && c != 'd' && c != 's') set_add(set, (unsigned char)c);
    r->at++;
    return ERR_OK;
}

static err read_range(struct reading *r, uint8_t *set) {
    const unsigned char first = (unsigned char)*r->at++;
    unsigned char last = first;
    if (r->at[0] == '-' && r->at[1] != ']' && r->at[1] != '\0') {
        if (r->at[1] == '\\') return unknown(r, "a range up to an escape");
        last = (unsigned char)r->at[1];
        r->at += 2;
    }
    if (last < first) return unknown(r, "a range that runs backwards");
    for (int c = first; c <= last; c++) set_add(set, (unsigned char)c);
    return ERR_OK;
}

static err read_set(struct reading *r, uint8_t *set) {
    bool turned = *++r->at == '^';
    r->at += turned;
    do { /* a bracket in the first place is a member */
        if (*r->at == '\0') return unknown(r, "a set without an end");
        TRY(*r->at == '\\' ? read_escape(r, set) : read_range(r, set));
    } while (*r->at != ']');
    r->at++;
    if (turned) set_turn(set);
    return ERR_OK;
}

/* ---- expressions ---- */

static err read_either(struct reading *r);

static err read_group(struct reading *r) {
    r->at++;
    if (r->at[0] == '?' && r->at[1] == ':')
        r->at += 2;
    else if (r->at[0] == '?')
        return unknown(r, "an unknown kind of group");
    if (++r->depth > MAX_DEPTH) return unknown(r, "too many groups in groups");
    TRY(read_either(r));
    r->depth--;
    if (*r->at != ')') return unknown(r, "a group without an end");
    r->at++;
    return ERR_OK;
}

static err read_one(struct reading *r) {
    if (*r->at == '(') return read_group(r);
    if (strchr("*+?{", *r->at)) return unknown(r, "a repeat of nothing, or of a count,");
    bool border = *r->at == '^' || *r->at == '$';
    struct instruction *i = insert(r, r->n, !border ? TAKE : *r->at == '^' ? BEGIN : END);
    if (*r->at == '[') return read_set(r, i->set);
    if (*r->at == '\\') return read_escape(r, i->set);
    if (*r->at == '.') set_turn(i->set);
    set_add(i->set, (unsigned char)*r->at++);
    return ERR_OK;
}

/* e* = fork(e, on) e fork(back), e+ = e fork(back, on), e? = fork(e, on) e */
static err read_repeated(struct reading *r) {
    const int start = r->n;
    TRY(read_one(r));
    const char repeat = *r->at;
    const int length = r->n - start;
    if (repeat == '{') return unknown(r, "a repeat of a count");
    if (!strchr("*+?", repeat) || repeat == '\0') return ERR_OK;
    r->at++;
    r->at += *r->at == '?'; /* not greedy: the same names match */
    if (strchr("*+?{", *r->at) && *r->at) return unknown(r, "a repeat of a repeat");
    if (repeat != '?') {
        struct instruction *back = insert(r, r->n, FORK);
        back->first = -length;
        back->second = 1;
    }
    if (repeat == '+') return ERR_OK;
    struct instruction *fork = insert(r, start, FORK);
    fork->first = 1;
    fork->second = r->n - start;
    return ERR_OK;
}

/* a|b = fork(a, b) a jump(on) b */
static err read_either(struct reading *r) {
    const int start = r->n;
    while (*r->at && *r->at != '|' && *r->at != ')') TRY(read_repeated(r));
    if (*r->at != '|') return ERR_OK;
    r->at++;
    struct instruction *fork = insert(r, start, FORK);
    fork->first = 1;
    const int jump = r->n;
    insert(r, jump, FORK);
    r->code[start].second = r->n - start;
    TRY(read_either(r));
    r->code[jump].first = r->code[jump].second = r->n - jump;
    return ERR_OK;
}

static err read_key(struct reading *r, const char *key) {
    *r = (struct reading){.key = key, .at = key};
    if (*key == '\0' || strlen(key) > MAX_KEY)
        return fail(ERR_UNSUPPORTED, "pattern '%.60s' is empty or longer than %d characters", key,
                    MAX_KEY);
    TRY(read_either(r));
    if (*r->at) return unknown(r, "a bracket that nothing opens");
    insert(r, r->n, FOUND);
    return ERR_OK;
}

/* ---- running ---- */

struct threads {
    bool at[MAX_CODE];
};

/* Marks instruction `i` and all that follow from it without taking a character. */
static void reach(const struct reading *r, struct threads *t, int i, bool first, bool last) {
    if (t->at[i]) return;
    t->at[i] = true;
    const struct instruction *code = &r->code[i];
    if (code->kind == FORK) {
        reach(r, t, i + code->first, first, last);
        reach(r, t, i + code->second, first, last);
    }
    if ((code->kind == BEGIN && first) || (code->kind == END && last))
        reach(r, t, i + 1, first, last);
}

/* Whether the key matches the name from `start` to its end. */
static bool matches_from(const struct reading *r, const char *name, const char *start) {
    struct threads now = {{false}};
    reach(r, &now, 0, start == name, *start == '\0');
    for (const char *c = start; *c; c++) {
        struct threads next = {{false}};
        for (int i = 0; i < r->n; i++)
            if (now.at[i] && r->code[i].kind == TAKE && set_has(r->code[i].set, (unsigned char)*c))
                reach(r, &next, i + 1, false, c[1] == '\0');
        now = next;
    }
    return now.at[r->n - 1];
}

err pattern_matches(const char *key, const char *module, bool *out) {
    struct reading r;
    *out = false;
    TRY(read_key(&r, key));
    for (const char *start = module; start && !*out;) {
        *out = matches_from(&r, module, start);
        start = strchr(start, '.');
        if (start) start++;
    }
    return ERR_OK;
}
