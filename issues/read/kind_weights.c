/* SPDX-License-Identifier: Apache-2.0
 * Weights of what speaks for a developer's post being of a kind: a title counts for more than a
 * body, a log for more than a complaint about an error.
 * Read next: issues/read/kind.c, which asks for them last. */
#include "issues/read/kind_int.h"

#include "issues/read/read_prose.h"

uint64_t cues_of(const struct sentence_list *says) {
    uint64_t cues = 0;
    for (int64_t i = 0; i < says->n; i++)
        if (!HAS(says->items[i].cues, HINT)) cues |= says->items[i].cues;
    return cues;
}

bool asks_for_training(const struct judge *j) {
    bool of_title, title_how = HAS(j->title_cues, SELF) && HAS(j->title_cues, QUESTION);
    return !title_how && words_asking(j->w, j->out->collecting, &of_title) != NULL;
}

/* Software that is wished for; the words of TOOL count where no sentence asks for a model. */
static int feature_of(const struct sentence_list *says, int weight, bool asks) {
    int most = 0;
    for (int64_t i = 0; i < says->n; i++) {
        uint64_t cues = says->items[i].cues;
        if (HAS(cues, HINT) || !(HAS(cues, SOFTWARE) || (HAS(cues, TOOL) && !asks))) continue;
        int plan = HAS(cues, PLAN) && HAS(cues, SOFTWARE) && !HAS(cues, WHEN) ? 2 : 0;
        bool wish = HAS(cues, WISH) || (HAS(cues, VERB) && !HAS(cues, QUESTION)) || plan;
        if (wish && weight + plan > most) most = weight + plan;
    }
    return most;
}

/* A question that is no polite wish: "... would be great if it could" has "could" in it. */
static bool questions(const struct sentence_list *says) {
    for (int64_t i = 0; i < says->n; i++) {
        const struct sentence *s = &says->items[i];
        bool polite = HAS(s->cues, WISH) &&
                      (s->end_mark != '?' || HAS(s->cues, SOFTWARE) || HAS(s->cues, TOOL));
        if (HAS(s->cues, QUESTION) && !HAS(s->cues, HINT) && (!polite || HAS(s->cues, QUERY)))
            return true;
    }
    return false;
}

struct weights weigh(const struct judge *j) {
    uint64_t body = j->cues, title = j->title_cues, thread = cues_of(&j->w->thread_says);
    struct weights n = {0};
    bool log = HAS(body, ERROR_STRONG) || j->w->code_error, question = questions(&j->w->says);
    bool asks = asks_for_training(j);
    n.bug = 3 * HAS(title, ERROR_STRONG) + 2 * HAS(title, ERROR) + 2 * log + HAS(body, ERROR);
    n.question = 2 * questions(&j->w->title_says) + question + (HAS(body, SELF) && question);
    n.feature = feature_of(&j->w->title_says, 3, asks) + feature_of(&j->w->says, 2, asks) +
                2 * j->w->form.asks_feature + 3 * HAS(title, FEATURE);
    n.complaint = 3 * HAS(title, COMPLAINT) + 2 * HAS(body, COMPLAINT);
    if (j->w->form.asks_bug) n.bug += 2;
    if (n.bug > 0 && HAS(thread, ERROR)) n.bug++;
    if (HAS(thread, COMPLAINT) && (n.complaint > 0 || j->opener)) n.complaint++;
    if (HAS(thread, COMPLAINT) && j->opener) n.complaint++;
    n.log = log || HAS(title, ERROR_STRONG) || HAS(thread, ERROR);
    return n;
}
