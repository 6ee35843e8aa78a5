/* SPDX-License-Identifier: Apache-2.0
 * Judges posts. The order of the questions is the order of the functions that post_judge calls: a
 * later one is asked only where the earlier ones said nothing. Weights are
 * issues/read/kind_weights.c.
 * Read next: issues/read/kind.h, the contract; issues/read/cues.def. */
#include "issues/read/kind_int.h"

#include "issues/read/condense.h"
#include "issues/read/read_labels.h"
#include "issues/read/read_prose.h"
#include "issues/read/values.h"
#include <string.h>
#include <strings.h>

enum {
    SHOWN_MAX = 40,
    SHORT_WORDS = 40,
    LIST_MIN = 4,
    LABELS_MIN = 3,
    TITLE_MAX = 256,
    SPEAKS_MIN = 12
};

const struct kind_row kind_rows[KIND_COUNT] = {
#define KIND(name, help) {#name, help},
#include "issues/read/kinds.def"
#undef KIND
};

static bool decide(struct judge *j, enum post_kind kind, const char *reason) {
    j->out->kind = kind;
    j->out->reason = reason;
    return true;
}

/* The reason with the sentence that shows it. */
static bool decide_by(struct judge *j, enum post_kind kind, const char *reason,
                      const struct text *t, struct range shown) {
    bool cut = range_size(shown) > SHOWN_MAX;
    if (cut) shown.end = shown.begin + SHOWN_MAX;
    struct piece piece;
    if (piece_of(t, shown, j->a, &piece) != ERR_OK) return decide(j, kind, NULL);
    const char *text = piece.text ? piece.text : "";
    return decide(j, kind, arena_printf(j->a, "%s: '%s%s'", reason, text, cut ? "..." : ""));
}

/* The first sentence with any of these classes, of the body or else of the title. */
static bool decide_shown(struct judge *j, enum post_kind kind, const char *reason, uint64_t any) {
    const struct sentence_list *lists[] = {&j->w->says, &j->w->title_says};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < lists[k]->n; i++)
            if (lists[k]->items[i].cues & any)
                return decide_by(j, kind, reason, k == 0 ? &j->w->body : &j->w->title,
                                 lists[k]->items[i].at);
    return decide(j, kind, reason);
}

static bool same_login(const char *a, const char *b) {
    return a && b && strcasecmp(a, b) == 0;
}

bool reading_is_staff(const char *login, const char *association,
                      const struct reading_context *context) {
    static const char *const roles[] = {"MEMBER", "OWNER", "COLLABORATOR"};
    for (size_t i = 0; association && i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(association, roles[i]) == 0) return true;
    for (int64_t i = 0; i < context->maintainers.n; i++)
        if (same_login(login, context->maintainers.items[i])) return true;
    return false;
}

static bool is_collecting_issue(const struct judge *j) {
    return j->context->repository && same_login(j->context->repository, j->w->post->repository) &&
           j->context->issue == j->w->post->issue;
}

/* The collecting issue, a comment below a title that calls for requests, or the programme's form.
 * */
static bool is_collecting(const struct judge *j) {
    const struct post *post = j->w->post;
    for (int64_t i = 0; i < post->labels.n; i++)
        if (j->issue && strcmp(post->labels.items[i], "co-training") == 0) return true;
    return is_collecting_issue(j) || (!j->issue && HAS(cues_of(&j->w->thread_says), CALL));
}

/* Lines of a list, and other lines with words. */
static void count_lines(const struct text *t, int64_t *items, int64_t *others) {
    *items = *others = 0;
    for (int64_t l = 0; l < t->n_lines; l++) {
        const struct line *line = &t->lines[l];
        if (line->kind == LINE_BOX)
            ++*items;
        else if (line->kind == LINE_WORDS && range_list_mark(t, line->at, NULL))
            ++*items;
        else if (line->kind == LINE_WORDS)
            ++*others;
    }
}

/* A list of plans: by its title, or nothing but a list of names. */
static bool is_roadmap(const struct judge *j) {
    int64_t items, others;
    count_lines(&j->w->body, &items, &others);
    bool named = HAS(j->title_cues, ROADMAP);
    bool wish = HAS(j->cues, WISH) || HAS(j->cues, MODEL_WISH) || HAS(j->cues, TRAIN_ASK);
    return j->issue && ((named && items >= 2) ||
                        (items >= LIST_MIN && others == 0 && !wish && !j->out->collecting &&
                         !HAS(j->title_cues, QUESTION) && !HAS(j->cues, QUESTION) &&
                         !HAS(j->cues | j->title_cues, ERROR)));
}

static bool judge_programme(struct judge *j) {
    const struct post *post = j->w->post;
    bool staff = reading_is_staff(post->login, post->association, j->context) || post->bot;
    if (post->pull_request && j->issue)
        return decide(j, KIND_pull_request, "the body of a pull request");
    if (j->issue && is_collecting_issue(j))
        return decide(j, KIND_announcement, "the body of the collecting issue itself");
    if (!staff) {
        if (j->issue && HAS(j->cues, CALL) && !HAS(j->cues | j->title_cues, QUESTION))
            return decide_shown(j, KIND_announcement, "calls for requests", CUE_BIT(CALL));
        return false;
    }
    if (post->bot) return decide(j, KIND_maintainer_answer, "written by a bot");
    if (j->issue && is_roadmap(j)) return decide(j, KIND_roadmap, "a maintainer's list of plans");
    if (j->issue) return decide(j, KIND_announcement, "a maintainer's issue");
    bool programme = is_collecting_issue(j) || HAS(cues_of(&j->w->thread_says), CALL);
    bool requests = pattern_find(U"(需求|request|requests)", j->w->body.fold,
                                 (struct range){0, j->w->body.n}, NULL);
    if (HAS(j->cues, POLICY) && requests && (programme || !post->before.login))
        return decide_shown(j, KIND_policy, "a maintainer's rule", CUE_BIT(POLICY));
    if (programme && HAS(j->cues, ANNOUNCE) && j->w->body.fold[0] != '@')
        return decide_shown(j, KIND_announcement, "a maintainer's news", CUE_BIT(ANNOUNCE));
    return decide(j, KIND_maintainer_answer, "written by a maintainer");
}

/* Nothing but labels: the block that people copy, not filled in. */
static bool only_labels(const struct words *w) {
    int64_t labels = 0;
    for (int64_t i = 0; i < w->labels.n; i++)
        labels += range_words(&w->body, w->labels.items[i].at);
    return w->labels.n >= LABELS_MIN && w->n_words == labels;
}

static bool judge_nothing(struct judge *j) {
    const struct form *form = &j->w->form;
    if (!j->issue && j->w->title_alone)
        return decide(j, KIND_empty, "no words of the author's own");
    bool template = form->n_headings >= 2 || (form->n_headings >= 1 && form->n_boxes >= 1);
    bool filler = form->n_filler >= LABELS_MIN && form->n_answered <= 1; /* a date was given */
    if ((template && (form->n_answered == 0 || filler)) || only_labels(j->w))
        return decide(j, KIND_template_noise, "a form without answers");
    if (j->issue && j->w->title_alone &&
        range_words(&j->w->title, (struct range){0, j->w->title.n}) == 0)
        return decide(j, KIND_empty, "neither title nor body says anything");
    if (j->issue && value_filler(&j->w->body, (struct range){0, j->w->body.n}) &&
        value_filler(&j->w->title, (struct range){0, j->w->title.n}))
        return decide(j, KIND_template_noise, "nothing but filler");
    return false;
}

static bool has_field(const struct words *w, enum label_field field) {
    for (int64_t i = 0; i < w->labels.n; i++)
        if (w->labels.items[i].field == field &&
            range_words(&w->body, w->labels.items[i].value) > 0)
            return true;
    return false;
}

/* Labels that say where and what, and nothing that says it is about something else. */
static bool judge_labels(struct judge *j) {
    const struct words *w = j->w;
    struct part parts[PARTS_MAX];
    int64_t n = parts_split(&w->body, &w->labels, parts);
    bool asks = false, pair = has_field(w, FIELD_input) && has_field(w, FIELD_output);
    for (int64_t i = 0; i < n; i++) asks = asks || part_asks(&w->body, &parts[i]);
    bool scenario = has_field(w, FIELD_scenario);
    bool enough = scenario || has_field(w, FIELD_need) || pair || j->out->collecting;
    if (!asks || !enough || w->post->pull_request) return false;
    bool wishes = asks_for_training(j), question = HAS(j->cues, QUESTION);
    struct weights weights = weigh(j);
    if (weights.bug >= 3 && !wishes && !(j->out->collecting && scenario && pair)) return false;
    if (HAS(j->cues, SELF) && question && !wishes && !(j->out->collecting && pair)) return false;
    if (has_field(w, FIELD_feature) && !wishes) return false;
    if (weights.feature > 0 && !wishes && !pair && !j->out->collecting) return false;
    j->out->labelled = true;
    const struct label *first = NULL;
    for (int64_t i = 0; i < w->labels.n && !first; i++)
        if (w->labels.items[i].field <= FIELD_capability) first = &w->labels.items[i];
    return decide_by(j, KIND_training_request, "asks for training, by its label", &w->body,
                     range_trim(&w->body, first->at));
}

static bool asked_back(const struct judge *j, bool *strongly) {
    const struct post *post = j->w->post;
    if (!reading_is_staff(post->before.login, post->before.association, j->context)) return false;
    const char *body = post->before.body ? post->before.body : "";
    *strongly = strchr(body, '?') || strstr(body, "？");
    bool asks = *strongly || strstr(body, "请") || strstr(body, "lease") || strstr(body, "补充");
    const char *login = post->login ? post->login : "";
    bool to_author = j->opener || (*login && strstr(body, login)) ||
                     (post->before.login && strstr(post->body, post->before.login));
    return asks && to_author;
}

static bool judge_answers(struct judge *j) {
    bool strongly = false, question = HAS(j->cues, QUESTION);
    if (j->issue) return false;
    bool brief = j->w->n_words <= SHORT_WORDS, thanks = HAS(j->cues, THANKS) && brief;
    if (HAS(j->cues, SOLVED) && !question && !j->opener && j->w->post->opener && !thanks)
        return decide_shown(j, KIND_third_party_answer, "tells what helped", CUE_BIT(SOLVED));
    if ((thanks || HAS(j->cues, SOLVED)) && !question && !asks_for_training(j) &&
        !HAS(j->cues, ERROR_STRONG))
        return decide_shown(j, KIND_ack, "thanks, or says it is solved",
                            CUE_BIT(THANKS) | CUE_BIT(SOLVED));
    bool also = HAS(j->cues, ALSO) && !(j->out->collecting && asks_for_training(j));
    if ((HAS(j->cues, PLUS) || also) && !HAS(j->cues, TRAIN_ASK) && !j->opener)
        return decide_shown(j, KIND_plus_one, "joins what was said", CUE_BIT(PLUS) | CUE_BIT(ALSO));
    if (HAS(j->cues, CLARIFY) && !question)
        return decide_shown(j, KIND_clarification, "adds to an earlier request", CUE_BIT(CLARIFY));
    if (asked_back(j, &strongly) && (strongly || !question))
        return decide(j, KIND_clarification, "answers what a maintainer asked back");
    return false;
}

/* "Input X, output Y" in a sentence. */
static bool says_sides(const struct words *w) {
    for (int64_t i = 0; i < w->says.n; i++)
        if (phrase_find(PHRASE_INPUT, &w->body, w->says.items[i].at, NULL) &&
            phrase_find(PHRASE_OUTPUT, &w->body, w->says.items[i].at, NULL))
            return true;
    return false;
}

static bool judge_prose(struct judge *j) {
    bool of_title = false;
    const struct words *w = j->w;
    if (w->post->pull_request) return false;
    const struct sentence *s = words_asking(w, j->out->collecting, &of_title);
    bool pair = has_field(w, FIELD_input) && has_field(w, FIELD_output);
    struct weights weights = weigh(j);
    bool to_somebody = w->body.fold[0] == '@';
    const uint64_t plainly = CUE_BIT(TRAIN_ASK) | CUE_BIT(MODEL_WISH) | CUE_BIT(ABILITY_WISH);
    if (s && (!asks_for_training(j) || (to_somebody && !(j->cues & plainly)))) return false;
    if (s && !j->issue && weights.bug >= 2 && HAS(cues_of(&w->thread_says), ERROR)) return false;
    if (s && !(weights.bug >= 4 && weights.bug > weights.question))
        return decide_by(j, KIND_training_request, "asks for training",
                         of_title ? &w->title : &w->body, s->at);
    pair = pair || says_sides(w);
    if (j->out->collecting && pair && !to_somebody && !HAS(j->cues, ERROR_STRONG) &&
        !HAS(j->cues, QUESTION))
        return decide(j, KIND_training_request,
                      "says input and output where requests are collected");
    return false;
}

/* The comment wishes for what the issue's title names already. */
static bool same_wish(const struct judge *j) {
    const struct words *w = j->w;
    for (int64_t i = 0; i < w->says.n; i++) {
        struct match m;
        const struct sentence *s = &w->says.items[i];
        if (!HAS(s->cues, WISH) || !cue_find(CUE_SOFTWARE, &w->body, s->at, &m)) continue;
        int64_t size = range_size(m.all), n = w->thread.n < TITLE_MAX ? w->thread.n : TITLE_MAX;
        for (int64_t k = 0; k + size <= n; k++)
            if (memcmp(w->thread.fold + k, w->body.fold + m.all.begin, (size_t)size * 4) == 0)
                return true;
    }
    return false;
}

static bool judge_weights(struct judge *j) {
    struct weights n = weigh(j);
    int most = n.bug > n.question ? n.bug : n.question;
    if (n.feature > most) most = n.feature;
    if (n.complaint > most) most = n.complaint;
    if (most == 0) return false;
    if (n.complaint == most)
        return decide_shown(j, KIND_complaint, "is discontent", CUE_BIT(COMPLAINT));
    if (n.feature == most && n.feature > n.question && !j->issue && !j->opener && same_wish(j))
        return decide(j, KIND_plus_one, "wishes for what the issue asks for");
    if (n.bug == most && n.log && (n.bug > n.question || !j->issue))
        return decide_shown(j, KIND_bug_report, "reports that something fails",
                            CUE_BIT(ERROR_STRONG) | CUE_BIT(ERROR));
    if (n.feature == most &&
        (n.feature > n.question || !HAS(j->cues, SELF) || j->w->form.asks_feature))
        return decide_shown(j, KIND_feature_request, "asks for software or packaging",
                            CUE_BIT(SOFTWARE) | CUE_BIT(TOOL));
    if (n.question >= n.bug)
        return decide_shown(j, KIND_question, "asks for information", CUE_BIT(QUESTION));
    return decide_shown(j, KIND_bug_report, "reports that something fails",
                        CUE_BIT(ERROR_STRONG) | CUE_BIT(ERROR));
}

/* Where requests are collected, what is neither a question nor about the programme or somebody's
 * post is a request, if there is enough of it: better looked at by a person than lost. */
static bool speaks_up(const struct judge *j) {
    const uint64_t other = CUE_BIT(PROGRAMME) | CUE_BIT(REFER) | CUE_BIT(TALK) | CUE_BIT(QUESTION) |
                           CUE_BIT(TOOL) | CUE_BIT(SELF) | CUE_BIT(OFFER) | CUE_BIT(SOFTWARE);
    const struct text *t = &j->w->body;
    return j->out->collecting && !j->issue && !j->opener && !(j->cues & other) &&
           t->fold[0] != '@' && j->w->says.n > 0 &&
           range_weight(t, (struct range){0, t->n}) >= SPEAKS_MIN;
}

static bool judge_rest(struct judge *j) {
    uint64_t thread = cues_of(&j->w->thread_says);
    uint64_t all = j->cues | j->title_cues;
    if (j->issue && HAS(all, ANNOUNCE))
        return decide_shown(j, KIND_announcement, "tells everybody something", CUE_BIT(ANNOUNCE));
    if (j->issue && HAS(j->title_cues, THANKS)) return decide(j, KIND_ack, "thanks");
    if (j->issue && (HAS(all, WISH) || HAS(all, VERB)) && !HAS(all, QUESTION))
        return decide_shown(j, KIND_feature_request, "wishes for something else than training",
                            CUE_BIT(WISH) | CUE_BIT(VERB));
    if (j->issue) return decide(j, KIND_question, "says nothing that tells more");
    if (j->opener && HAS(thread, COMPLAINT))
        return decide(j, KIND_complaint, "goes on with a complaint");
    if (j->opener) return decide(j, KIND_clarification, "goes on with the author's own issue");
    if (speaks_up(j))
        return decide(j, KIND_training_request,
                      "says something of its own where requests are collected");
    const char *opener = j->w->post->opener, *body = j->w->post->body;
    if (opener && body[0] == '@' && strncasecmp(body + 1, opener, strlen(opener)) == 0)
        return decide(j, KIND_clarification, "answers who opened the issue");
    return decide(j, KIND_third_party_answer, "answers, and is not by the author or a maintainer");
}

err post_judge(const struct words *w, const struct reading_context *context, struct arena *a,
               struct verdict *out) {
    struct judge j = {.w = w, .context = context, .a = a, .out = out};
    *out = (struct verdict){0};
    j.cues = cues_of(&w->says);
    j.title_cues = cues_of(&w->title_says);
    j.issue = w->post->comment == 0;
    out->collecting = is_collecting(&j);
    j.opener = same_login(w->post->opener, w->post->login);
    bool decided = judge_programme(&j) || judge_nothing(&j);
    if (!decided && is_roadmap(&j))
        decided = decide(&j, KIND_roadmap, "nothing but a list of plans");
    decided = decided || judge_labels(&j) || judge_answers(&j) || judge_prose(&j) ||
              judge_weights(&j) || judge_rest(&j);
    BUG_IF(!decided);
    return out->reason ? ERR_OK : ERR_MEMORY;
}
