/* SPDX-License-Identifier: Apache-2.0
 * The hashes of texts that must not be trained on, and the search for rows that hold one. Two
 * tables: an index of whole texts (data/text/alike.h), and from each gram the texts that have it.
 * The contract is data/text/leaks.h. */
#include "data/text/leaks.h"

#include "base/arena.h"
#include "base/mem.h"
#include "data/text/digits.h"
#include <stdlib.h>
#include <string.h>

enum {
    SHARED_MAX = 2, /* texts that may share a telling gram */
    COMMON_MIN = 16 /* rows, and texts, that have a gram which tells nothing */
};
#define SIMILARITY 0.85
#define DISTANCE 0.18

/* A prompt, or a prompt with its answer. */
struct guarded {
    const char *set, *request;
    struct alike_text text;
    int32_t n_telling;
    bool is_whole; /* with the answer, where there is one: what grams are taken from */
};
struct posting {
    uint64_t gram;
    int32_t text;
};
struct leaks {
    struct arena arena;
    struct guarded *texts;
    int64_t n, capacity, n_given, n_windows;
    struct alike_counts counts;
    struct alike_index *index;
    struct posting *postings; /* telling ones, by gram, then text */
    int64_t n_postings;
    double distance;
};

err leaks_new(struct leaks **out, double distance) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    (*out)->distance = distance > 0 ? distance : DISTANCE;
    return ERR_OK;
}

void leaks_free(struct leaks *l) {
    if (!l) return;
    for (int64_t i = 0; i < l->n; i++) alike_text_release(&l->texts[i].text);
    mem_free(l->texts);
    mem_free(l->postings);
    alike_counts_release(&l->counts);
    alike_index_free(l->index);
    arena_release(&l->arena);
    mem_free(l);
}

int64_t leaks_n_texts(const struct leaks *l) {
    return l->n_given;
}

/* Numbers in one form, then windows. */
static err hash_text(const char *text, size_t n, struct alike_text *out) {
    struct str folded = {0};
    err e = digits_fold(text, n, &folded);
    if (e == ERR_OK) e = alike_text_init(out, str_text(&folded), folded.len);
    str_release(&folded);
    return e;
}

/* A number for what is answered, as alike_is_edit wants it. */
static err hash_answer(struct span answer, uint32_t *out) {
    struct alike_text text;
    *out = 0;
    if (answer.n == 0) return ERR_OK;
    TRY(hash_text(answer.text, answer.n, &text));
    for (int32_t i = 0; i < text.n; i++) *out = (*out ^ text.windows[i]) * 0x9E3779B1u;
    alike_text_release(&text);
    return ERR_OK;
}

static err add_guarded(struct leaks *l, const struct guarded *item, const char *text, size_t n) {
    TRY(mem_grow(&l->texts, &l->capacity, l->n, sizeof *l->texts));
    struct guarded *to = &l->texts[l->n];
    *to = *item;
    uint32_t answer = item->text.answer;
    TRY(hash_text(text, n, &to->text));
    to->text.answer = answer;
    l->n_windows += to->text.n;
    l->n++;
    return ERR_OK;
}

err leaks_add(void *leaks, const struct forbidden_text *given) {
    struct leaks *l = leaks;
    struct guarded item = {.is_whole = given->answer.n == 0};
    struct str both = {0};
    item.set = arena_strdup(&l->arena, given->set);
    item.request = given->request ? arena_strdup(&l->arena, given->request) : NULL;
    if (!item.set || (given->request && !item.request)) return ERR_MEMORY;
    TRY(hash_answer(given->answer, &item.text.answer));
    TRY(add_guarded(l, &item, given->prompt.text, given->prompt.n));
    l->n_given++;
    if (item.is_whole) return ERR_OK;
    item.is_whole = true;
    err e = str_append(&both, given->prompt.text, given->prompt.n);
    if (e == ERR_OK) e = str_add(&both, "\n");
    if (e == ERR_OK) e = str_append(&both, given->answer.text, given->answer.n);
    if (e == ERR_OK) e = add_guarded(l, &item, str_text(&both), both.len);
    str_release(&both);
    return e;
}

/* ---- what of a row is looked at ---- */

/* Calls `look` for every prompt by itself and with its answer, and for a text without turns. */
typedef err piece_look(void *ctx, const struct alike_text *piece, bool is_whole);

struct piece {
    struct span prompt, answer;
    uint32_t hash; /* of the answer, as alike_is_edit wants it */
};

static err look_piece(const struct piece *of, bool whole, piece_look *look, void *ctx) {
    struct alike_text text = {0};
    struct str both = {0};
    err e = str_append(&both, of->prompt.text, of->prompt.n);
    if (e == ERR_OK && whole && of->answer.n > 0) e = str_add(&both, "\n");
    if (e == ERR_OK && whole) e = str_append(&both, of->answer.text, of->answer.n);
    if (e == ERR_OK) e = hash_text(str_text(&both), both.len, &text);
    text.answer = of->hash;
    if (e == ERR_OK) e = look(ctx, &text, whole);
    alike_text_release(&text);
    str_release(&both);
    return e;
}

/* `whole_only`: what only counts asks neither for prompts alone nor for what is answered. */
static err look_pieces(const struct sample *s, bool whole_only, piece_look *look, void *ctx) {
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_TURNS; i++) {
        struct piece piece = {.prompt = s->turns[i].prompt, .answer = s->turns[i].answer};
        if (!whole_only) {
            TRY(hash_answer(piece.answer, &piece.hash));
            TRY(look_piece(&piece, false, look, ctx));
        }
        TRY(look_piece(&piece, true, look, ctx));
    }
    if (s->kind == SAMPLE_TURNS) return ERR_OK;
    struct str text = {0};
    err e = sample_text(s, &text);
    const struct piece piece = {.prompt = {str_text(&text), text.len}};
    if (e == ERR_OK) e = look_piece(&piece, true, look, ctx);
    str_release(&text);
    return e;
}

/* ---- counting ---- */

err leaks_count_start(struct leaks *l, int64_t n_windows) {
    TRY(alike_counts_init(&l->counts, l->n_windows + 2 * n_windows));
    for (int64_t i = 0; i < l->n; i++)
        if (l->texts[i].is_whole) TRY(alike_counts_add(&l->counts, &l->texts[i].text));
    return ERR_OK;
}

static err count_piece(void *ctx, const struct alike_text *piece, bool is_whole) {
    struct leaks *l = ctx;
    (void)is_whole;
    return alike_counts_add(&l->counts, piece);
}

err leaks_count(struct leaks *l, const struct sample *s) {
    return look_pieces(s, true, count_piece, l);
}

static int by_gram(const void *left, const void *right) {
    const struct posting *a = left, *b = right;
    if (a->gram != b->gram) return a->gram < b->gram ? -1 : 1;
    return (a->text > b->text) - (a->text < b->text);
}

static err add_postings(struct leaks *l, int64_t text, int64_t *capacity) {
    struct alike_grams grams;
    TRY(alike_grams_of(&l->counts, &l->texts[text].text, &grams));
    int64_t wanted = l->n_postings + grams.n;
    err e = ERR_OK;
    if (wanted > *capacity) {
        int64_t bigger = 2 * wanted;
        struct posting *grown = mem_resize(l->postings, (size_t)bigger, sizeof *grown);
        if (grown) {
            l->postings = grown;
            *capacity = bigger;
        } else {
            e = ERR_MEMORY;
        }
    }
    for (int64_t i = 0; i < grams.n && e == ERR_OK; i++)
        if (alike_count_of(&l->counts, grams.items[i]) < COMMON_MIN)
            l->postings[l->n_postings++] = (struct posting){grams.items[i], (int32_t)text};
    alike_grams_release(&grams);
    return e;
}

/* Takes out what more than SHARED_MAX texts have. */
static void keep_telling(struct leaks *l) {
    int64_t kept = 0;
    for (int64_t i = 0, end; i < l->n_postings; i = end) {
        for (end = i; end < l->n_postings && l->postings[end].gram == l->postings[i].gram;) end++;
        if (end - i > SHARED_MAX) continue;
        for (int64_t k = i; k < end; k++) {
            l->texts[l->postings[k].text].n_telling++;
            l->postings[kept++] = l->postings[k];
        }
    }
    l->n_postings = kept;
}

err leaks_count_end(struct leaks *l) {
    int64_t capacity = 0;
    TRY(alike_index_new(l->n, &l->index));
    for (int64_t i = 0; i < l->n; i++) {
        uint32_t sketch[ALIKE_SKETCH];
        bool any;
        if (l->texts[i].is_whole) TRY(add_postings(l, i, &capacity));
        TRY(alike_sketch(&l->counts, &l->texts[i].text, sketch, &any));
        if (any) TRY(alike_index_add(l->index, &l->texts[i].text, sketch, i));
    }
    if (l->n_postings > 0) qsort(l->postings, (size_t)l->n_postings, sizeof *l->postings, by_gram);
    keep_telling(l);
    return ERR_OK;
}

/* ---- finding ---- */

struct finding {
    const struct leaks *l;
    struct leak *out;
    bool found;
};

static void tell(struct finding *f, int64_t text, double distance, double coverage) {
    const struct guarded *g = &f->l->texts[text];
    *f->out = (struct leak){g->set, g->request, distance, coverage};
    f->found = true;
}

static err find_whole(struct finding *f, const struct alike_text *piece) {
    const struct alike_query query = {
        .distance = f->l->distance, .similarity = SIMILARITY, .counts = &f->l->counts};
    uint32_t sketch[ALIKE_SKETCH];
    struct alike_match match;
    bool any, found = false;
    TRY(alike_sketch(&f->l->counts, piece, sketch, &any));
    if (any) TRY(alike_find(f->l->index, piece, sketch, &query, &match, &found));
    if (found) tell(f, match.number, match.distance, match.similarity);
    return ERR_OK;
}

static int64_t first_posting(const struct leaks *l, uint64_t gram) {
    int64_t low = 0, high = l->n_postings;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (l->postings[middle].gram < gram)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int by_number(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

struct hits {
    int32_t *texts;
    int64_t n;
};

/* The text of which most is covered, of equal ones the first. `hits`: its number once a gram. */
static void best_coverage(struct finding *f, int32_t *hits, int64_t n) {
    double best = 0;
    int32_t text = -1;
    qsort(hits, (size_t)n, sizeof *hits, by_number);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && hits[end] == hits[i];) end++;
        double coverage = (double)(end - i) / f->l->texts[hits[i]].n_telling;
        if (end - i < LEAK_GRAMS || coverage < LEAK_COVERAGE || coverage <= best) continue;
        best = coverage;
        text = hits[i];
    }
    if (text >= 0) tell(f, text, 1, best);
}

/* Appends the texts of every gram of the piece, its windows taken as `width` characters wide: a
 * Chinese text may stand within an English one. */
static err add_hits(const struct leaks *l, const struct alike_text *piece, int width,
                    struct hits *out) {
    struct alike_text as = *piece;
    struct alike_grams grams;
    as.width = width;
    TRY(alike_grams_of(&l->counts, &as, &grams));
    size_t room = (size_t)out->n + SHARED_MAX * (size_t)grams.n + 1;
    int32_t *grown = mem_resize(out->texts, room, sizeof *grown);
    if (grown) out->texts = grown;
    for (int64_t i = 0; i < grams.n && grown; i++)
        for (int64_t k = first_posting(l, grams.items[i]);
             k < l->n_postings && l->postings[k].gram == grams.items[i]; k++)
            if (l->texts[l->postings[k].text].text.width == width)
                out->texts[out->n++] = l->postings[k].text;
    alike_grams_release(&grams);
    return grown ? ERR_OK : ERR_MEMORY;
}

static err find_part(struct finding *f, const struct alike_text *piece) {
    struct hits hits = {0};
    err e = ERR_OK;
    for (int width = 2; width <= 3 && e == ERR_OK && f->l->n_postings > 0; width++)
        e = add_hits(f->l, piece, width, &hits);
    if (e == ERR_OK && hits.n > 0) best_coverage(f, hits.texts, hits.n);
    mem_free(hits.texts);
    return e;
}

static err find_piece(void *ctx, const struct alike_text *piece, bool is_whole) {
    struct finding *f = ctx;
    if (!f->found) TRY(find_whole(f, piece));
    if (!f->found && is_whole) TRY(find_part(f, piece));
    return ERR_OK;
}

err leaks_find(const struct leaks *l, const struct sample *s, struct leak *out, bool *out_found) {
    struct finding f = {.l = l, .out = out};
    err e = look_pieces(s, false, find_piece, &f);
    *out_found = f.found;
    return e;
}
