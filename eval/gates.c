/* SPDX-License-Identifier: Apache-2.0
 * Reading and holding of gates (eval/gates.h): a condition is parsed by hand, since a report's
 * error must quote what the recipe says. Every gate is held, so that one run tells all that is
 * missed. Read next: eval/report.c for where the scores come from. */
#include "eval/gates.h"
#include "eval/report.h"
#include <string.h>

/* Scores are ratios of counts and bounds are decimal fractions: 0.60 - 0.55 must count as 0.05. */
static const double rounding = 1e-9;

static const char *const operators[] = {
    [GATE_AT_LEAST] = ">=", [GATE_AT_MOST] = "<=", [GATE_ABOVE] = ">", [GATE_BELOW] = "<"};

static err gate_malformed(const char *item, const char *why) {
    fail(ERR_PARSE, "gate '%s': %s", item, why);
    return fail_hint(ERR_PARSE, "a gate reads requests: \">= +0.05\" (the change from before to "
                                "after) or requests: \">= 0.8\" (the score after)");
}

static bool copy_name(char to[64], const char *from, size_t n) {
    if (n == 0 || n >= 64) return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

err gate_parse(const char *item, struct gate *out) {
    *out = (struct gate){.bound = 0.0};
    const char *colon = strchr(item, ':');
    if (colon == NULL) return gate_malformed(item, "no condition");
    size_t key_len = (size_t)(colon - item);
    const char *dot = memchr(item, '.', key_len);
    size_t task_len = dot != NULL ? (size_t)(dot - item) : key_len;
    if (!copy_name(out->task, item, task_len)) return gate_malformed(item, "no task name");
    if (dot != NULL && !copy_name(out->score, dot + 1, key_len - task_len - 1))
        return gate_malformed(item, "no score name after the dot");

    const char *at = colon + 1 + strspn(colon + 1, " ");
    if (*at != '>' && *at != '<') return gate_malformed(item, "no >=, <=, > or <");
    bool above = *at++ == '>', or_equal = *at == '=';
    if (or_equal) at++;
    out->compare =
        or_equal ? (above ? GATE_AT_LEAST : GATE_AT_MOST) : (above ? GATE_ABOVE : GATE_BELOW);
    at += strspn(at, " ");
    out->change = *at == '+' || *at == '-';
    if (*at == '+') at++;
    if (*at == '\0' || strchr("+ ", *at) != NULL) return gate_malformed(item, "no number");
    if (str_to_double(at, &out->bound) != ERR_OK)
        return gate_malformed(item, "its bound is no number");
    return ERR_OK;
}

static bool gate_holds(const struct gate *g, double value) {
    switch (g->compare) {
    case GATE_AT_LEAST: return value >= g->bound - rounding;
    case GATE_AT_MOST: return value <= g->bound + rounding;
    case GATE_ABOVE: return value > g->bound + rounding;
    case GATE_BELOW: return value < g->bound - rounding;
    }
    return false;
}

static double distance(double a, double b) {
    return a > b ? a - b : b - a;
}

/* Appends "requests: change +0.02 from 0.1 to 0.12, wanted >= +0.05, missed by 0.03". */
static err gate_line(const struct gate *g, double before, double after, struct str *out) {
    double value = g->change ? after - before : after;
    bool holds = gate_holds(g, value);
    TRY(str_printf(out, "%s%s%s: ", g->task, g->score[0] != '\0' ? "." : "", g->score));
    if (g->change)
        TRY(str_printf(out, "change %+.4f from %.4f to %.4f, wanted %s %+g", value, before, after,
                       operators[g->compare], g->bound));
    else
        TRY(str_printf(out, "%.4f, wanted %s %g", value, operators[g->compare], g->bound));
    if (holds) return str_add(out, ": holds");
    return str_printf(out, ": missed by %.4f", distance(value, g->bound));
}

err gates_check(const struct opt_list *gates, const json_t *before, const json_t *after,
                struct str *lines) {
    struct str missed = {0}, line = {0};
    int64_t n_missed = 0;
    err result = ERR_OK;
    for (int64_t i = 0; i < gates->n && result == ERR_OK; i++) {
        struct gate g;
        double was = 0.0, is = 0.0;
        result = gate_parse(gates->items[i], &g);
        if (result == ERR_OK) result = report_score(after, g.task, g.score, &is);
        if (result == ERR_OK && g.change) result = report_score(before, g.task, g.score, &was);
        if (result != ERR_OK) {
            result = fail_in(result, "gate '%s'", gates->items[i]);
            break;
        }
        str_clear(&line);
        result = gate_line(&g, was, is, &line);
        if (result == ERR_OK && lines != NULL)
            result = str_printf(lines, "gate %s\n", str_text(&line));
        if (result == ERR_OK && !gate_holds(&g, g.change ? is - was : is)) {
            result = str_printf(&missed, "%s%s", n_missed > 0 ? "; " : "", str_text(&line));
            n_missed++;
        }
    }
    if (result == ERR_OK && n_missed > 0) result = fail(ERR_GATE, "gate %s", str_text(&missed));
    str_release(&line);
    str_release(&missed);
    return result;
}
