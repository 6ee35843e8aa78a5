/* SPDX-License-Identifier: Apache-2.0
 * Training steps from an open dataset: which documents are used and what is cut off them, the
 * plan of every epoch, and the rows of one step. Orders, shares and packing are arithmetic on
 * lengths: data/steps/mix.c and data/steps/pack.c. The contract is data/steps/loader.h. */
#include "data/steps/loader.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/steps/mix.h"
#include <math.h>
#include <string.h>

enum { MANY_REPEATS = 10 }; /* of a row in an epoch: worth a warning */

struct loader {
    const struct dataset *d;
    enum dataset_split split;
    struct loader_options options;
    struct mix_document *documents;
    int64_t n_documents, n_dropped, n_truncated;
    struct mix_group *groups; /* of documents */
    struct mix mix;
    int64_t *first_step; /* of each epoch; n_epochs + 1 of them */
    int64_t n_epochs, epochs_capacity, n_steps;
    int64_t max_row_tokens, max_rows;
    /* The epoch that was asked for last. */
    int64_t epoch;
    struct mix_epoch drawn;
    struct packed packed; /* of drawn.order */
    int64_t packed_capacity;
    /* The step that was asked for last. */
    struct loader_row *rows;
    int32_t *tokens, *targets;
    uint8_t *doc_start, *mask;
};

static const char *const overlong_names[] = {"error", "drop", "truncate_prompt"};

err overlong_parse(const char *name, enum overlong *out) {
    for (int i = 0; i < 3; i++)
        if (strcmp(name, overlong_names[i]) == 0) {
            *out = (enum overlong)i;
            return ERR_OK;
        }
    return fail(ERR_USAGE, "unknown overlong '%s' (error, drop or truncate_prompt)", name);
}

static int64_t capacity(const struct loader *l) {
    return l->options.sequence_len + 1;
}

/* Tokens of the row before the <sep> of its first answer; -1: it has no answer. */
static int64_t prompt_tokens(const struct loader *l, int64_t row, int64_t n) {
    const uint8_t *answer = dataset_answer(l->d, l->split, row);
    const uint8_t *first = memchr(answer, 1, (size_t)n);
    return first ? (first - answer) - 1 : -1;
}

static err fail_overlong(const struct loader *l, int64_t row, int64_t n, const char *why) {
    struct str where = {0};
    err e = dataset_describe(l->d, l->split, row, &where);
    if (e == ERR_OK) {
        e = fail(ERR_LIMIT, "%s: its %lld tokens do not fit train.sequence_len %lld%s",
                 str_text(&where), (long long)n, (long long)l->options.sequence_len, why);
        (void)fail_hint(e, "a longer sequence_len, or `overlong: drop` or `truncate_prompt`");
    }
    str_release(&where);
    return e;
}

/* Decides what becomes of a row; *out_cut is -1 when it is dropped. */
static err fit_row(struct loader *l, int64_t row, int32_t *out_cut) {
    int64_t n = dataset_rows(l->d, l->split)[row].n_tokens, excess = n - capacity(l);
    *out_cut = 0;
    if (n < 2) return fail(ERR_PARSE, "row %lld has a single token", (long long)row);
    if (excess <= 0) return ERR_OK;
    if (l->options.overlong == OVERLONG_ERROR) return fail_overlong(l, row, n, "");
    if (l->options.overlong == OVERLONG_DROP) {
        *out_cut = -1;
        l->n_dropped++;
        return ERR_OK;
    }
    if (excess >= prompt_tokens(l, row, n))
        return fail_overlong(l, row, n, " even when only one token of its prompt is left");
    *out_cut = (int32_t)excess;
    l->n_truncated++;
    return ERR_OK;
}

/* `mask` has room for capacity(l) tokens. */
static err count_trained(const struct loader *l, struct mix_document *doc, uint8_t *mask) {
    const uint8_t *flags = dataset_answer(l->d, l->split, doc->row) + doc->cut + 1;
    const int32_t *tokens = dataset_tokens(l->d, l->split, doc->row) + doc->cut;
    int64_t n = doc->n_tokens - 1;
    if (l->options.loss_mask != LOSS_MASK_ANSWER) {
        TRY(loss_mask_apply(l->options.loss_mask, tokens, n, dataset_eod(l->d), dataset_sep(l->d),
                            tokens + 1, mask));
        flags = mask;
    }
    for (int64_t i = 0; i < n; i++) doc->n_trained += flags[i];
    return ERR_OK;
}

static err count_all_trained(struct loader *l) {
    uint8_t *mask = mem_alloc((size_t)capacity(l), 1);
    err e = mask ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < l->n_documents && e == ERR_OK; i++)
        e = count_trained(l, &l->documents[i], mask);
    mem_free(mask);
    return e;
}

static err choose_group(struct loader *l, int64_t g) {
    const struct dataset_row *rows = dataset_rows(l->d, l->split);
    struct mix_group *group = &l->groups[g];
    int64_t first, n;
    dataset_group_rows(l->d, l->split, g, &first, &n);
    *group = (struct mix_group){.first = l->n_documents,
                                .weight = dataset_group(l->d, g)->weight,
                                .replay = dataset_group(l->d, g)->role == GROUP_REPLAY};
    for (int64_t row = first; row < first + n; row++) {
        int32_t cut;
        TRY(fit_row(l, row, &cut));
        if (cut >= 0)
            l->documents[l->n_documents++] =
                (struct mix_document){.row = row, .cut = cut, .n_tokens = rows[row].n_tokens - cut};
    }
    group->n = l->n_documents - group->first;
    return ERR_OK;
}

static err choose_documents(struct loader *l) {
    int64_t n_rows = dataset_n_rows(l->d, l->split), n_groups = dataset_n_groups(l->d);
    const struct dataset_mix *mix = dataset_mix(l->d);
    l->documents = mem_alloc((size_t)n_rows + 1, sizeof *l->documents);
    l->groups = mem_zalloc((size_t)n_groups + 1, sizeof *l->groups);
    if (!l->documents || !l->groups) return ERR_MEMORY;
    for (int64_t g = 0; g < n_groups; g++) TRY(choose_group(l, g));
    l->mix = (struct mix){.documents = l->documents,
                          .groups = l->groups,
                          .n_groups = n_groups,
                          .temperature = mix->temperature,
                          .replay_share = mix->replay_share,
                          .max_tokens = mix->tokens,
                          .seed = l->options.seed};
    if (l->n_documents > 0) return count_all_trained(l);
    return fail(ERR_RANGE,
                "the dataset has no row to use: %lld are longer than sequence_len (%lld)",
                (long long)l->n_dropped, (long long)l->options.sequence_len);
}

static void warn_of_repeats(const struct loader *l) {
    for (int64_t g = 0; g < l->mix.n_groups; g++) {
        const struct mix_group *group = &l->groups[g];
        int64_t times = group->n > 0 ? l->drawn.counts[g] / group->n : 0;
        if (times >= MANY_REPEATS)
            LOG(DATA, WARN, "'%s': each of its %lld rows comes %lld times an epoch for its share",
                dataset_group(l->d, g)->name, (long long)group->n, (long long)times);
    }
}

/* As stored. */
static err draw_in_order(struct loader *l) {
    if (!l->drawn.order) l->drawn.order = mem_alloc((size_t)l->n_documents, sizeof(int64_t));
    if (!l->drawn.order) return ERR_MEMORY;
    l->drawn.n = l->n_documents;
    for (int64_t i = 0; i < l->n_documents; i++) l->drawn.order[i] = i;
    return ERR_OK;
}

/* Room to pack what was drawn. */
static err make_room(struct loader *l) {
    struct packed *p = &l->packed;
    if (l->drawn.n > l->packed_capacity) {
        size_t n = (size_t)l->drawn.n + 1;
        mem_free(p->starts);
        mem_free(p->lengths);
        l->packed_capacity = 0;
        p->starts = mem_alloc(n, sizeof *p->starts);
        p->lengths = mem_alloc(n, sizeof *p->lengths);
        if (!p->starts || !p->lengths) return ERR_MEMORY;
        l->packed_capacity = l->drawn.n;
    }
    p->order = l->drawn.order;
    p->n = l->drawn.n;
    return ERR_OK;
}

static err set_epoch(struct loader *l, int64_t epoch) {
    struct packed *p = &l->packed;
    const struct rng rng = {l->options.seed, RNG_PACK, (uint64_t)epoch};
    if (l->epoch == epoch) return ERR_OK;
    l->epoch = -1;
    TRY(l->options.in_order ? draw_in_order(l) : mix_draw(&l->mix, epoch, &l->drawn));
    TRY(make_room(l));
    for (int64_t i = 0; i < p->n; i++) p->lengths[i] = l->documents[p->order[i]].n_tokens;
    TRY(pack_rows(p, capacity(l), l->options.packing, &rng));
    l->epoch = epoch;
    return ERR_OK;
}

static err add_epoch(struct loader *l, int64_t n_steps) {
    TRY(mem_grow(&l->first_step, &l->epochs_capacity, l->n_epochs + 1, sizeof *l->first_step));
    l->first_step[l->n_epochs++] = l->n_steps;
    l->n_steps += n_steps;
    l->first_step[l->n_epochs] = l->n_steps;
    return ERR_OK;
}

static void note_longest(struct loader *l) {
    for (int64_t r = 0; r < l->packed.n_rows; r++) {
        int64_t tokens = -1;
        for (int64_t i = l->packed.starts[r]; i < l->packed.starts[r + 1]; i++)
            tokens += l->packed.lengths[i];
        if (tokens > l->max_row_tokens) l->max_row_tokens = tokens;
    }
    int64_t rows = l->packed.n_rows;
    if (rows > l->options.rows_per_step) rows = l->options.rows_per_step;
    if (rows > l->max_rows) l->max_rows = rows;
}

/* Steps of every epoch, until the epochs asked for or max_steps are reached. */
static err plan_epochs(struct loader *l) {
    const struct loader_options *o = &l->options;
    for (int64_t epoch = 0;; epoch++) {
        bool all_done = o->max_steps > 0 ? l->n_steps >= o->max_steps : (double)epoch >= o->epochs;
        if (all_done) return ERR_OK;
        TRY(set_epoch(l, epoch));
        note_longest(l);
        int64_t steps = (l->packed.n_rows + o->rows_per_step - 1) / o->rows_per_step;
        double part = o->epochs - (double)epoch;
        if (o->max_steps > 0) {
            if (steps > o->max_steps - l->n_steps) steps = o->max_steps - l->n_steps;
        } else if (part < 1) {
            steps = (int64_t)ceil((double)steps * part);
        }
        TRY(add_epoch(l, steps));
    }
}

static err make_step_room(struct loader *l) {
    size_t n = (size_t)l->max_rows * ((size_t)l->max_row_tokens + 1);
    l->rows = mem_zalloc((size_t)l->max_rows, sizeof *l->rows);
    l->tokens = mem_alloc(n, sizeof *l->tokens);
    l->targets = mem_alloc(n, sizeof *l->targets);
    l->doc_start = mem_alloc(n, 1);
    l->mask = mem_alloc(n, 1);
    return l->rows && l->tokens && l->targets && l->doc_start && l->mask ? ERR_OK : ERR_MEMORY;
}

/* The documents [begin, end) of the epoch's order, as one row at offset `at` of the arrays. */
static err fill_row(struct loader *l, int64_t begin, int64_t end, size_t at,
                    struct loader_row *out) {
    int32_t *tokens = l->tokens + at, *targets = l->targets + at;
    uint8_t *start = l->doc_start + at, *mask = l->mask + at;
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++) {
        const struct mix_document *doc = &l->documents[l->packed.order[i]];
        size_t len = (size_t)l->packed.lengths[i];
        memcpy(tokens + n, dataset_tokens(l->d, l->split, doc->row) + doc->cut,
               len * sizeof *tokens);
        /* An answer flag belongs to the target, one position before. */
        const uint8_t *answer = dataset_answer(l->d, l->split, doc->row) + doc->cut;
        if (n > 0) mask[n - 1] = 0;
        memcpy(mask + n, answer + 1, len - 1);
        memset(start + n, 0, len);
        start[n] = 1;
        n += (int64_t)len;
    }
    n--; /* positions: the last token is only a target */
    if (l->options.loss_mask != LOSS_MASK_ANSWER)
        TRY(loss_mask_apply(l->options.loss_mask, tokens, n, dataset_eod(l->d), dataset_sep(l->d),
                            tokens + 1, mask));
    for (int64_t t = 0; t < n; t++) {
        bool at_border = t + 1 < n && start[t + 1];
        bool trained = mask[t] && (l->options.train_across_borders || !at_border);
        targets[t] = trained ? tokens[t + 1] : LOADER_IGNORE;
    }
    *out = (struct loader_row){n, tokens, targets, start};
    return ERR_OK;
}

/* The rows [*begin, *end) of its epoch that a step holds; that epoch is set. */
static err find_step(struct loader *l, int64_t step, int64_t *begin, int64_t *end) {
    BUG_IF(step < 0 || step >= l->n_steps);
    int64_t epoch = loader_epoch_of(l, step), per_step = l->options.rows_per_step;
    TRY(set_epoch(l, epoch));
    *begin = (step - l->first_step[epoch]) * per_step;
    *end = *begin + per_step < l->packed.n_rows ? *begin + per_step : l->packed.n_rows;
    return ERR_OK;
}

err loader_rows(struct loader *l, int64_t step, const struct loader_row **out, int64_t *out_n) {
    int64_t begin, end;
    TRY(find_step(l, step, &begin, &end));
    for (int64_t r = begin; r < end; r++) {
        size_t at = (size_t)(r - begin) * ((size_t)l->max_row_tokens + 1);
        TRY(fill_row(l, l->packed.starts[r], l->packed.starts[r + 1], at, &l->rows[r - begin]));
    }
    *out = l->rows;
    *out_n = end - begin;
    return ERR_OK;
}

/* Some step must train something. */
static err check_trained(struct loader *l) {
    for (int64_t step = 0; step < l->n_steps; step++) {
        const struct loader_row *rows;
        int64_t n;
        TRY(loader_rows(l, step, &rows, &n));
        for (int64_t r = 0; r < n; r++)
            for (int64_t t = 0; t < rows[r].n; t++)
                if (rows[r].targets[t] != LOADER_IGNORE) return ERR_OK;
    }
    err e = fail(ERR_RANGE, "dataset '%s' trains no token under the loss mask '%s'",
                 dataset_dir(l->d), loss_mask_name(l->options.loss_mask));
    return fail_hint(e, "`cotrain data preview` marks the tokens that belong to answers");
}

static err check_options(const struct loader_options *o) {
    if (o->sequence_len < 1 || o->sequence_len > INT32_MAX - 1 || o->rows_per_step < 1 ||
        o->max_steps < 0 || !(o->max_steps > 0 || o->epochs > 0))
        return fail(ERR_RANGE, "sequence_len, rows per step and epochs (or steps) must be above 0");
    return ERR_OK;
}

static err open_loader(struct loader *l) {
    TRY(check_options(&l->options));
    TRY(choose_documents(l));
    TRY(plan_epochs(l));
    if (!l->options.in_order) warn_of_repeats(l);
    TRY(make_step_room(l));
    return check_trained(l);
}

err loader_open(struct loader **out, const struct dataset *d, enum dataset_split split,
                const struct loader_options *options) {
    struct loader *l = mem_zalloc(1, sizeof *l);
    *out = NULL;
    if (!l) return ERR_MEMORY;
    l->d = d;
    l->split = split;
    l->options = *options;
    if (options->in_order && options->packing == PACKING_BEST_FIT)
        l->options.packing = PACKING_NEXT_FIT;
    l->epoch = -1;
    err e = open_loader(l);
    if (e == ERR_OK)
        *out = l;
    else
        loader_close(l);
    return e;
}

void loader_close(struct loader *l) {
    if (!l) return;
    void *const blocks[] = {l->documents,      l->groups, l->first_step, l->packed.starts,
                            l->packed.lengths, l->rows,   l->tokens,     l->targets,
                            l->doc_start,      l->mask};
    mix_epoch_release(&l->drawn);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) mem_free(blocks[i]);
    mem_free(l);
}

int64_t loader_n_steps(const struct loader *l) {
    return l->n_steps;
}

int64_t loader_steps_per_epoch(const struct loader *l) {
    return l->first_step[1];
}

int64_t loader_epoch_of(const struct loader *l, int64_t step) {
    int64_t low = 0, high = l->n_epochs - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (l->first_step[middle] <= step)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int64_t loader_max_row_tokens(const struct loader *l) {
    return l->max_row_tokens;
}

int64_t loader_max_rows(const struct loader *l) {
    return l->max_rows;
}

int64_t loader_n_dropped(const struct loader *l) {
    return l->n_dropped;
}

int64_t loader_n_truncated(const struct loader *l) {
    return l->n_truncated;
}

/* Adds up the documents of one group, or of all (-1). */
static void add_documents(const struct loader *l, int64_t group, struct loader_epoch *out) {
    for (int64_t i = 0; i < l->packed.n; i++) {
        int64_t document = l->packed.order[i];
        if (group >= 0 && (document < l->groups[group].first ||
                           document >= l->groups[group].first + l->groups[group].n))
            continue;
        out->n_documents++;
        out->n_tokens += l->documents[document].n_tokens;
        out->n_trained += l->documents[document].n_trained;
    }
}

err loader_epoch(struct loader *l, int64_t epoch, struct loader_epoch *out) {
    *out = (struct loader_epoch){0};
    TRY(set_epoch(l, epoch));
    add_documents(l, -1, out);
    out->n_rows = l->packed.n_rows;
    out->n_positions = out->n_tokens - out->n_rows;
    out->full = (double)out->n_positions / ((double)out->n_rows * (double)l->options.sequence_len);
    return ERR_OK;
}

err loader_document(struct loader *l, int64_t step, int64_t i, int64_t *out_row) {
    int64_t begin, end;
    TRY(find_step(l, step, &begin, &end));
    int64_t at = l->packed.starts[begin] + i;
    *out_row = at < l->packed.starts[end] ? l->documents[l->packed.order[at]].row : -1;
    return ERR_OK;
}

err loader_epoch_group(struct loader *l, int64_t epoch, int64_t group, struct loader_epoch *out) {
    *out = (struct loader_epoch){0};
    TRY(set_epoch(l, epoch));
    add_documents(l, group, out);
    return ERR_OK;
}

err loader_describe(struct loader *l, int64_t step, struct str *out) {
    enum { MAX_SHOWN = 8 };
    int64_t begin, end;
    TRY(find_step(l, step, &begin, &end));
    int64_t first = l->packed.starts[begin], n = l->packed.starts[end] - first;
    for (int64_t i = 0; i < n && i < MAX_SHOWN; i++) {
        if (i > 0) TRY(str_add(out, ", "));
        TRY(dataset_describe(l->d, l->split, l->documents[l->packed.order[first + i]].row, out));
    }
    return n > MAX_SHOWN ? str_printf(out, " and %lld more", (long long)(n - MAX_SHOWN)) : ERR_OK;
}
