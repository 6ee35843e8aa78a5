/* SPDX-License-Identifier: Apache-2.0
 * The table of changes and the search through it (cli/smaller.h). A change is what a user would
 * type, so it goes through the recipe's own rules: one that they refuse, or that has no effect
 * here, drops out. A further one is one line.
 * Read next: cli/chain.h. */
#include "cli/smaller.h"

#include <string.h>

/* Settings, apart by spaces, the ones that cost least time and quality first. {rows}: rows of a
 * step; {half:r}, {half:sequence_len}: half of what the recipe has. */
static const char *const changes[] = {
    "train.recompute=all",
    "train.micro_batch_size=1 train.gradient_accumulation_steps={rows}",
    "train.optimizer_in_backward=true train.max_grad_norm=0",
    "train.gradient_dtype=bf16",
    "train.optimizer=adamw_8bit",
    "train.trained_weight_dtype=bf16",
    "train.weight_dtype=nf4",
    "adapter.r={half:r}",
    "train.sequence_len={half:sequence_len}",
    "adapter.type=lora",
};
enum {
    N_CHANGES = sizeof changes / sizeof changes[0],
    MOST_SETS = 2 * N_CHANGES, /* no change has more than two settings */
    MOST_OFFERED = 5
};

/* Settings as --set takes them, in an arena. */
struct sets {
    struct arena *arena;
    const char *items[MOST_SETS];
    int64_t n;
};

static err fill_in(const struct chain *c, const char *setting, size_t n, struct str *out) {
    const struct {
        const char *name;
        int64_t value;
    } values[] = {{"{rows}", train_options_rows(&c->train)},
                  {"{half:r}", c->adapter.r / 2},
                  {"{half:sequence_len}", c->train.sequence_len / 2}};
    const char *brace = memchr(setting, '{', n);
    TRY(str_append(out, setting, brace ? (size_t)(brace - setting) : n));
    for (size_t i = 0; brace && i < sizeof values / sizeof values[0]; i++)
        if (str_starts(brace, values[i].name))
            return str_printf(out, "%lld", (long long)values[i].value);
    return ERR_OK;
}

static err add_change(const struct chain *c, const char *change, struct sets *to) {
    struct str text = {0};
    err e = ERR_OK;
    for (const char *at = change; *at && e == ERR_OK;) {
        const size_t n = strcspn(at, " ");
        str_clear(&text);
        e = fill_in(c, at, n, &text);
        if (e == ERR_OK && !(to->items[to->n++] = arena_strdup(to->arena, str_text(&text))))
            e = ERR_MEMORY;
        at += n + (at[n] == ' ');
    }
    str_release(&text);
    return e;
}

/* Resident bytes of the recipe so changed; INT64_MAX where it cannot be. */
static err bytes_with(const struct smaller *s, const struct sets *changed, struct fit *out) {
    const int64_t before = s->sets ? s->sets->n : 0;
    struct opt_list all = {
        arena_alloc(changed->arena, (size_t)(before + changed->n + 1), sizeof *all.items),
        before + changed->n};
    if (!all.items) return ERR_MEMORY;
    for (int64_t i = 0; i < all.n; i++)
        all.items[i] = i < before ? s->sets->items[i] : changed->items[i - before];
    struct chain chain;
    struct planning p;
    out->planned_bytes = INT64_MAX;
    err e = chain_read(&chain, s->chain->recipe_path, &all);
    if (e == ERR_OK) {
        e = planning_open(&p, &chain,
                          &(struct planned_for){s->device, s->preset, s->data, s->limit->bytes});
        if (e == ERR_OK) *out = p.fit;
        planning_close(&p);
        chain_release(&chain);
    }
    if (e == ERR_MEMORY) return e;
    err_clear();
    return ERR_OK;
}

static err line_of(const struct sets *sets, const struct fit *fit, struct str *out) {
    char text[MEMORY_TEXT_SIZE];
    for (int64_t i = 0; i < sets->n; i++)
        TRY(str_printf(out, "%s--set %s", i ? " " : "  ", sets->items[i]));
    const int64_t bytes = fit_resident_bytes(fit);
    return str_printf(out, "   needs %lld bytes (%s)\n", (long long)bytes,
                      memory_text(bytes, text));
}

/* Plans with the changes of `mask` and offers them where that fits. */
static err try_changes(const struct smaller *s, unsigned mask, struct str *out, bool *fits,
                       struct fit *fit) {
    struct arena arena = {0};
    struct sets sets = {.arena = &arena};
    err e = ERR_OK;
    for (int i = 0; i < N_CHANGES && e == ERR_OK; i++)
        if (mask & 1u << i) e = add_change(s->chain, changes[i], &sets);
    if (e == ERR_OK) e = bytes_with(s, &sets, fit);
    *fits = e == ERR_OK && fit->planned_bytes < INT64_MAX && memory_fits(s->limit, fit);
    if (*fits) e = line_of(&sets, fit, out);
    arena_release(&arena);
    return e;
}

/* From the cheapest on, every change that makes it smaller, until it fits. */
static err many(const struct smaller *s, struct str *out, bool *fits, struct fit *least) {
    unsigned kept = 0;
    for (int i = 0; i < N_CHANGES && !*fits; i++) {
        struct fit fit;
        TRY(try_changes(s, kept | 1u << i, out, fits, &fit));
        if (fit.planned_bytes == INT64_MAX || fit_resident_bytes(&fit) >= fit_resident_bytes(least))
            continue;
        kept |= 1u << i;
        *least = fit;
    }
    return ERR_OK;
}

/* Lines for changes alone, or for pairs; in the order of the dearer one, then of the other. */
static err some(const struct smaller *s, bool pairs, struct str *out, int *offered) {
    struct fit fit;
    bool fits;
    for (int i = 0; i < N_CHANGES; i++)
        for (int j = pairs ? 0 : i; j < i + !pairs && *offered < MOST_OFFERED; j++) {
            TRY(try_changes(s, 1u << i | 1u << j, out, &fits, &fit));
            *offered += fits;
        }
    return ERR_OK;
}

err smaller_recipes(const struct smaller *s, const struct fit *now, struct str *out) {
    int offered = 0;
    bool fits = false;
    struct fit least = *now;
    char text[MEMORY_TEXT_SIZE];
    TRY(str_add(out, "these changes fit, the cheapest first:\n"));
    for (int pairs = 0; pairs < 2 && offered == 0; pairs++) TRY(some(s, pairs, out, &offered));
    if (offered == 0) TRY(many(s, out, &fits, &least));
    if (offered > 0 || fits) return ERR_OK;
    str_clear(out);
    const int64_t bytes = fit_resident_bytes(&least);
    return str_printf(
        out, "no change of the recipe fits; the least that all of them need is %lld bytes (%s)",
        (long long)bytes, memory_text(bytes, text));
}

err smaller_refuse(const struct smaller *s, const struct fit *fit) {
    struct str lines = {0};
    TRY(smaller_recipes(s, fit, &lines));
    if (lines.len > 0 && lines.data[lines.len - 1] == '\n') lines.data[--lines.len] = '\0';
    err e = fail_hint(memory_refuse(s->limit, fit), "%s", str_text(&lines));
    str_release(&lines);
    return e;
}
