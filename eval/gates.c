/* SPDX-License-Identifier: Apache-2.0
 * Reading and holding of gates (eval/gates.h): a condition is parsed by hand, since a report's
 * error must quote what the recipe says. Every gate is held, so that one run tells all that is
 * missed; what is said of them is said from the outcomes, which are kept.
 * Read next: eval/compare.c for the intervals and pairs. */
#include "eval/gates.h"

#include "eval/compare.h"
#include "eval/report.h"
#include "eval/results.h"
#include <math.h>
#include <string.h>

/* Scores are ratios of counts and bounds are decimal fractions: 0.60 - 0.55 must count as 0.05. */
static const double rounding = 1e-9;

/* ---- reading ---- */

static err gate_malformed(const char *item, const char *why) {
    fail(ERR_PARSE, "gate '%s': %s", item, why);
    return fail_hint(ERR_PARSE,
                     "a gate reads requests: \">= +0.05\" (the change from before to after), "
                     "\">= -2%%\" (the same, of the score before), \">= 0.8\" (the score after), "
                     "\">= -0.01 at 95%%\" (shown to hold) or \"not < -0.01 at 95%%\" (not shown "
                     "to be broken)");
}

static bool copy_name(char to[64], const char *from, size_t n) {
    if (n == 0 || n >= 64) return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

static bool skip_word(const char **at, const char *word) {
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0 || (*at)[n] != ' ') return false;
    *at += n;
    *at += strspn(*at, " ");
    return true;
}

/* A number up to a blank, a per cent sign or the end. */
static bool take_number(const char **at, double *out, bool *out_percent) {
    char text[64];
    size_t n = strcspn(*at, " %");
    if (!copy_name(text, *at, n) || str_to_double(text, out) != ERR_OK) return false;
    *at += n;
    *out_percent = **at == '%';
    *at += *out_percent;
    *at += strspn(*at, " ");
    return true;
}

/* " at 95%", or nothing. */
static err take_confidence(const char *item, const char *at, struct gate *out) {
    double level = 0.0;
    bool percent = false;
    if (*at == '\0')
        return out->unless ? gate_malformed(item, "'not' needs a confidence ('at 95%')") : ERR_OK;
    if (!skip_word(&at, "at") || !take_number(&at, &level, &percent) || !percent || *at != '\0')
        return gate_malformed(item, "what stands behind its bound is no confidence ('at 95%')");
    if (level < 50.0 || level >= 100.0)
        return gate_malformed(item, "a confidence is from 50% to below 100%");
    out->confidence = level / 100.0;
    return ERR_OK;
}

static err take_operator(const char *item, const char **at, struct gate *out) {
    if (**at != '>' && **at != '<') return gate_malformed(item, "no >=, <=, > or <");
    bool above = *(*at)++ == '>', or_equal = **at == '=';
    *at += or_equal;
    *at += strspn(*at, " ");
    out->compare =
        or_equal ? (above ? GATE_AT_LEAST : GATE_AT_MOST) : (above ? GATE_ABOVE : GATE_BELOW);
    return ERR_OK;
}

static const char *condition_of(const char *item) {
    const char *colon = strchr(item, ':');
    return colon != NULL ? colon + 1 + strspn(colon + 1, " ") : NULL;
}

err gate_parse(const char *item, struct gate *out) {
    *out = (struct gate){.bound = 0.0};
    const char *at = condition_of(item);
    if (at == NULL) return gate_malformed(item, "no condition");
    size_t key_len = (size_t)(strchr(item, ':') - item);
    const char *dot = memchr(item, '.', key_len);
    size_t task_len = dot != NULL ? (size_t)(dot - item) : key_len;
    if (!copy_name(out->task, item, task_len)) return gate_malformed(item, "no task name");
    if (dot != NULL && !copy_name(out->score, dot + 1, key_len - task_len - 1))
        return gate_malformed(item, "no score name after the dot");

    out->unless = skip_word(&at, "not");
    TRY(take_operator(item, &at, out));
    out->change = *at == '+' || *at == '-';
    if (*at == '+') at++;
    if (*at == '\0' || strchr("+ ", *at) != NULL) return gate_malformed(item, "no number");
    if (!take_number(&at, &out->bound, &out->relative))
        return gate_malformed(item, "its bound is no number");
    if (out->relative && !out->change)
        return gate_malformed(item, "per cent are of the score before, so they have a sign");
    if (out->relative) out->bound /= 100.0;
    return take_confidence(item, at, out);
}

/* ---- holding ---- */

static bool condition_holds(enum gate_operator compare, double value, double bound) {
    switch (compare) {
    case GATE_AT_LEAST: return value >= bound - rounding;
    case GATE_AT_MOST: return value <= bound + rounding;
    case GATE_ABOVE: return value > bound + rounding;
    case GATE_BELOW: return value < bound - rounding;
    }
    return false;
}

/* What a gate is held against. */
struct holding {
    struct gate gate;
    double before, after, bound;
    struct interval interval; /* with a confidence */
};

static err put_number(json_t *to, const char *key, double value) {
    return json_put(to, key, json_real(nearbyint(value * 1e9) / 1e9));
}

/* The number that decides: the value itself, or with a confidence the interval's end that the
 * condition is the harder for. */
static double decisive(const struct holding *h) {
    const struct gate *g = &h->gate;
    if (g->confidence == 0.0) return g->change ? h->after - h->before : h->after;
    bool low = g->compare == GATE_AT_LEAST || g->compare == GATE_ABOVE;
    return low ? h->interval.low : h->interval.high;
}

static err put_outcome(const char *item, const struct holding *h, const json_t *row, json_t *to) {
    const struct gate *g = &h->gate;
    double number = decisive(h);
    bool holds = condition_holds(g->compare, number, h->bound) != g->unless;
    TRY(json_put(to, "gate", json_string(item)));
    TRY(json_put(to, "task", json_string(g->task)));
    TRY(json_put(to, "score", json_string(json_text_of(row, "metric"))));
    TRY(json_put(to, "of", json_string(g->change ? "change" : "after")));
    TRY(put_number(to, "before", h->before));
    TRY(put_number(to, "after", h->after));
    TRY(put_number(to, "bound", h->bound));
    TRY(json_put(to, "holds", json_boolean(holds)));
    TRY(put_number(to, "missed_by", holds ? 0.0 : fabs(number - h->bound)));
    if (g->confidence == 0.0) return ERR_OK;
    TRY(put_number(to, "confidence", g->confidence));
    json_t *interval = json_object();
    TRY(json_put(to, "interval", interval));
    TRY(put_number(interval, "low", h->interval.low));
    return put_number(interval, "high", h->interval.high);
}

static err put_pairs(const json_t *row, json_t *to) {
    static const char *const members[] = {"n", "wins", "losses", "ties", "won", "lost"};
    json_t *p = json_object_get(row, "p_value");
    const int64_t n_gone = json_int_of(row, "only_a"), n_new = json_int_of(row, "only_b");
    if (n_gone + n_new > 0)
        return fail(ERR_MISMATCH,
                    "the cases before are not those after: %lld only before, %lld only after",
                    (long long)n_gone, (long long)n_new);
    if (p == NULL) return json_put(to, "paired", json_null());
    json_t *paired = json_object();
    TRY(json_put(to, "paired", paired));
    /* Exact on any machine, and too small to be rounded as others are. */
    TRY(json_put(paired, "p_value", json_incref(p)));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        TRY(json_put(paired, members[i], json_incref(json_object_get(row, members[i]))));
    return ERR_OK;
}

/* Of the change it stands in the row of pairs. */
static err find_interval(const json_t *row, const json_t *after, struct holding *h) {
    const json_t *pair = json_object_get(row, "interval");
    const struct gate *g = &h->gate;
    const json_t *part = report_find(after, g->task);
    /* tells where there is none */
    TRY(results_interval(part, g->score, g->confidence, &h->interval));
    if (!g->change) return ERR_OK;
    if (pair == NULL)
        return fail(ERR_UNSUPPORTED, "the items before have no '%s'", json_text_of(row, "metric"));
    h->interval.low = json_number_value(json_array_get(pair, 0));
    h->interval.high = json_number_value(json_array_get(pair, 1));
    return ERR_OK;
}

static err find_scores(const json_t *before, const json_t *after, struct holding *h) {
    struct gate *g = &h->gate;
    TRY(report_score(after, g->task, g->score, &h->after));
    TRY(report_score(before, g->task, g->score, &h->before));
    h->bound = g->relative ? g->bound * h->before : g->bound;
    if (!g->relative || h->before > 0.0) return ERR_OK;
    fail(ERR_RANGE, "the score before is %g, and a percentage of it says nothing", h->before);
    return fail_hint(ERR_RANGE, "ask for a change, as in \">= +0.05\"");
}

static err hold(const char *item, const json_t *before, const json_t *after, json_t *outcomes) {
    struct holding h = {.after = 0.0};
    json_t *row = NULL, *outcome = json_object();
    TRY(json_push(outcomes, outcome));
    TRY(gate_parse(item, &h.gate));
    TRY(find_scores(before, after, &h));
    double confidence = h.gate.confidence > 0.0 ? h.gate.confidence : 0.95;
    const struct comparing what = {h.gate.task, h.gate.score, confidence};
    TRY(compare_score(before, after, &what, &row));
    err result = h.gate.confidence > 0.0 ? find_interval(row, after, &h) : ERR_OK;
    if (result == ERR_OK) result = put_outcome(item, &h, row, outcome);
    if (result == ERR_OK) result = put_pairs(row, outcome);
    json_decref(row);
    return result;
}

err gates_hold(const struct opt_list *gates, const json_t *before, const json_t *after,
               json_t **out) {
    json_t *outcomes = json_array();
    err result = outcomes != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for gates");
    for (int64_t i = 0; i < gates->n && result == ERR_OK; i++) {
        result = hold(gates->items[i], before, after, outcomes);
        if (result != ERR_OK) result = fail_in(result, "gate '%s'", gates->items[i]);
    }
    if (result != ERR_OK) {
        json_decref(outcomes);
        return result;
    }
    *out = outcomes;
    return ERR_OK;
}

/* ---- telling ---- */

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static bool holds(const json_t *outcome) {
    return json_is_true(json_object_get(outcome, "holds"));
}

/* "requests: change +0.02 from 0.1 to 0.12, wanted >= +0.05: missed by 0.03". */
static err add_line(const json_t *outcome, struct str *out) {
    const char *gate = json_text_of(outcome, "gate"), *colon = strchr(gate, ':');
    const json_t *interval = json_object_get(outcome, "interval");
    bool change = strcmp(json_text_of(outcome, "of"), "change") == 0;
    double before = number(outcome, "before"), after = number(outcome, "after");
    TRY(str_append(out, gate, (size_t)(colon - gate)));
    if (change)
        TRY(str_printf(out, ": change %+.4f from %.4f to %.4f", after - before, before, after));
    else
        TRY(str_printf(out, ": %.4f", after));
    if (interval != NULL)
        TRY(str_printf(out, change ? " (%+.4f to %+.4f)" : " (%.4f to %.4f)",
                       number(interval, "low"), number(interval, "high")));
    TRY(str_printf(out, ", wanted %s: ", condition_of(gate)));
    if (holds(outcome)) return str_add(out, "holds");
    return str_printf(out, "missed by %.4f", number(outcome, "missed_by"));
}

static err add_pairs(const json_t *outcome, const char *before, const char *after,
                     struct str *out) {
    const json_t *p = json_object_get(outcome, "paired");
    if (!json_is_object(p)) return ERR_OK;
    return str_printf(out, "%s%lld won, %lld lost, %lld the same of %lld; p = %.3g%s", before,
                      (long long)json_int_of(p, "wins"), (long long)json_int_of(p, "losses"),
                      (long long)json_int_of(p, "ties"), (long long)json_int_of(p, "n"),
                      number(p, "p_value"), after);
}

err gates_verdict(const json_t *outcomes) {
    struct str missed = {0};
    size_t i = 0;
    json_t *one = NULL;
    err result = ERR_OK;
    json_array_foreach(outcomes, i, one) {
        if (result != ERR_OK || holds(one)) continue;
        if (missed.len > 0) result = str_add(&missed, "; ");
        if (result == ERR_OK) result = add_line(one, &missed);
        if (result == ERR_OK) result = add_pairs(one, " (", ")", &missed);
    }
    if (result == ERR_OK && missed.len > 0) result = fail(ERR_GATE, "gate %s", str_text(&missed));
    str_release(&missed);
    return result;
}

enum { MAX_NAMES = 12 };

static err add_missed(const json_t *outcome, struct str *out) {
    const json_t *lost = json_object_get(json_object_get(outcome, "paired"), "lost");
    TRY(add_pairs(outcome, "  ", "\n", out));
    if (json_array_size(lost) == 0) return ERR_OK;
    TRY(str_add(out, "  lost: "));
    TRY(compare_add_names(lost, MAX_NAMES, out));
    return str_add(out, "\n");
}

err gates_text(const json_t *outcomes, struct str *out) {
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach(outcomes, i, one) {
        TRY(str_add(out, "gate "));
        TRY(add_line(one, out));
        TRY(str_add(out, "\n"));
        if (!holds(one)) TRY(add_missed(one, out));
    }
    return ERR_OK;
}
