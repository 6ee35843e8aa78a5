/* SPDX-License-Identifier: Apache-2.0
 * Behaviour on the golden prompts that both releases were asked (release/golden.h): which answers
 * are others, and over all of them how long they are, what they are written in, how many end by
 * themselves, and how many decline. An answer declines when one of the words of refusals.def stands
 * in its first 40 characters.
 *   {"asked": N, "same": N, "changed": [{"prompt", "a": ANSWER, "b": ANSWER}],
 *    "a": {"tokens": MEAN, "ended": N, "declined": N, "scripts": {"zh": SHARE, ...}},
 *    "b": likewise}
 * Read next: data/text/script.h for the shares. */
#include "data/text/script.h"
#include "release/diff.h"
#include <ctype.h>
#include <string.h>

enum { LOOKED_AT = 40 };

static const char *const refusals[] = {
#define REFUSAL(words) words,
#include "release/diff/refusals.def"
#undef REFUSAL
};

/* What one release answers to the prompts that both have. */
struct behaviour {
    int64_t n, tokens, ended, declined;
    struct script_counts scripts;
};

/* Whole words: "as an ai" does not stand in "as an airline". */
static bool stands_at(const char *answer, size_t at, const char *words) {
    const unsigned char *a = (const unsigned char *)answer, *w = (const unsigned char *)words;
    size_t n = strlen(words);
    for (size_t i = 0; i < n; i++)
        if (tolower(a[at + i]) != w[i]) return false;
    bool cut_before = at > 0 && isalpha(a[at - 1]) && isalpha(w[0]);
    bool cut_behind = isalpha(w[n - 1]) && isalpha(a[at + n]);
    return !cut_before && !cut_behind;
}

static bool declines(const char *answer) {
    size_t n = utf8_offset(answer, strlen(answer), LOOKED_AT);
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
            if (stands_at(answer, at, refusals[i])) return true;
    return false;
}

static void count(struct behaviour *b, const struct golden_answer *answer) {
    b->n++;
    b->tokens += answer->ids.n;
    b->ended += answer->ended;
    b->declined += declines(answer->text);
    script_count(answer->text, strlen(answer->text), &b->scripts);
}

static err put_behaviour(json_t *out, const char *side, const struct behaviour *b) {
    json_t *one = json_object();
    TRY(json_put(out, side, one));
    json_t *scripts = json_object();
    TRY(json_put(one, "scripts", scripts));
    TRY(json_put(one, "tokens", json_real(b->n > 0 ? (double)b->tokens / (double)b->n : 0.0)));
    TRY(json_put(one, "ended", json_integer((json_int_t)b->ended)));
    TRY(json_put(one, "declined", json_integer((json_int_t)b->declined)));
    for (int s = 0; s < SCRIPT_NONE; s++)
        TRY(json_put(scripts, script_names[s],
                     json_real(script_share(&b->scripts, (enum script)s))));
    return ERR_OK;
}

static bool same_ids(const struct tokens *a, const struct tokens *b) {
    return a->n == b->n && memcmp(a->ids, b->ids, (size_t)a->n * sizeof *a->ids) == 0;
}

static const struct golden_prompt *find_prompt(const struct golden *g, const char *text) {
    for (int64_t i = 0; i < g->n; i++)
        if (strcmp(g->prompts[i].text, text) == 0) return &g->prompts[i];
    return NULL;
}

static err add_changed(const struct golden_prompt *a, const struct golden_prompt *b, json_t *out) {
    if (same_ids(&a->answer.ids, &b->answer.ids) && a->answer.ended == b->answer.ended)
        return ERR_OK;
    TRY(diff_differs(out));
    return json_push(
        json_object_get(out, "changed"),
        json_pack("{s:s, s:s, s:s}", "prompt", b->text, "a", a->answer.text, "b", b->answer.text));
}

static err find(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    struct behaviour was = {0}, is = {0};
    json_t *changed = json_array();
    TRY(json_put(out, "changed", changed));
    for (int64_t i = 0; i < b->golden.n; i++) {
        const struct golden_prompt *here = &b->golden.prompts[i];
        const struct golden_prompt *there = find_prompt(&a->golden, here->text);
        if (there == NULL) continue;
        count(&was, &there->answer);
        count(&is, &here->answer);
        TRY(add_changed(there, here, out));
    }
    TRY(json_put(out, "asked", json_integer((json_int_t)is.n)));
    TRY(json_put(out, "same",
                 json_integer((json_int_t)(is.n - (int64_t)json_array_size(changed)))));
    TRY(put_behaviour(out, "a", &was));
    TRY(put_behaviour(out, "b", &is));
    if (is.n == a->golden.n && is.n == b->golden.n) return ERR_OK;
    TRY(diff_differs(out));
    return diff_not_compared(out, "golden prompts of one release alone",
                             "their answers have nothing beside them");
}

static err tell_behaviour(const json_t *found, const char *side, struct str *out) {
    const json_t *one = json_object_get(found, side), *share = NULL;
    const char *script = NULL;
    TRY(str_printf(out, "  %s: %.1f tokens an answer, %lld end, %lld decline;", side,
                   json_number_value(json_object_get(one, "tokens")),
                   (long long)json_int_of(one, "ended"), (long long)json_int_of(one, "declined")));
    json_object_foreach(json_object_get(one, "scripts"), script, share)
        TRY(str_printf(out, " %s %.2f", script, json_number_value(share)));
    return str_add(out, "\n");
}

static err tell(const json_t *found, struct str *out) {
    const json_t *one = NULL;
    size_t i = 0;
    TRY(str_printf(out, "  %lld asked of both, %lld answered alike\n",
                   (long long)json_int_of(found, "asked"), (long long)json_int_of(found, "same")));
    if (json_int_of(found, "asked") == 0) return ERR_OK;
    TRY(tell_behaviour(found, "a", out));
    TRY(tell_behaviour(found, "b", out));
    json_array_foreach(json_object_get(found, "changed"), i, one) {
        TRY(str_add(out, "  prompt "));
        TRY(json_quote(out, json_text_of(one, "prompt")));
        TRY(str_add(out, "\n    a "));
        TRY(json_quote(out, json_text_of(one, "a")));
        TRY(str_add(out, "\n    b "));
        TRY(json_quote(out, json_text_of(one, "b")));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

const struct diff_part diff_prompts = {find, tell};
