/* SPDX-License-Identifier: Apache-2.0
 * Filter `language`: samples that are mostly written in something else than what is wanted. It goes
 * by characters (data/text/script.h), not by a model: it tells Chinese, Latin letters, code and
 * other scripts apart, not English from French or Chinese from a text of Japanese in Han characters
 * only. A sample of digits and signs alone stays. */
#include "data/filters/filter.h"
#include "data/text/script.h"
#include <stdio.h>
#include <string.h>

#define SHARE 0.5

/* Whether a script is wanted; without data.filter.languages everything but other scripts is. */
static bool wanted(const struct filter_options *o, int script) {
    if (o->languages.n == 0) return script != SCRIPT_OTHER;
    for (int64_t i = 0; i < o->languages.n; i++)
        if (strcmp(o->languages.items[i], script_names[script]) == 0) return true;
    return false;
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    const struct filter_options *o = filter_options(p);
    const double least = o->language_share > 0 ? o->language_share : SHARE;
    struct script_counts counts = {{0}};
    struct str text = {0};
    double share = 0;
    (void)ctx;
    err e = sample_text(filter_sample(p, number), &text);
    if (e == ERR_OK) script_count(str_text(&text), text.len, &counts);
    str_release(&text);
    enum script most = script_main(&counts);
    if (e != ERR_OK || most == SCRIPT_NONE) return e;
    for (int i = 0; i < SCRIPT_NONE; i++)
        if (wanted(o, i)) share += script_share(&counts, (enum script)i);
    if (share >= least) return ERR_OK;
    out->drop = true;
    snprintf(out->reason, sizeof out->reason,
             "%.0f %% is in a language that is wanted (at least %.0f %%); most is '%s'",
             100 * share, 100 * least, script_names[most]);
    return ERR_OK;
}

static err run(struct filter_pass *p) {
    return filter_each(p, look, NULL, NULL);
}

const struct filter filter_language = {
    .name = "language",
    .summary = "samples that are mostly in another script than those wanted (zh, en, code, other)",
    .run = run,
};
