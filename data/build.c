/* SPDX-License-Identifier: Apache-2.0
 * The steps of building a dataset folder: read, split, filter, encode in parallel, write in order,
 * describe, commit. Rows are encoded side by side (data/tokens/encoding.h) but written one after
 * the other, so the bytes do not depend on the number of threads. The contract is data/build.h;
 * what is written about a dataset is data/manifest.c. */
#include "data/build.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/build_int.h"
#include "data/dataset/dropped.h"
#include "data/dataset/near_rows.h"
#include "data/tokens/encoding.h"
#include <string.h>

static err make_rows(struct building *s) {
    const struct corpus *c = &s->corpus;
    bool all_turns = strcmp(s->b->options->turns, "all") == 0;
    for (int64_t i = 0; i < c->samples.n; i++)
        if (c->use[i] == USE_TRAIN || c->use[i] == USE_VALID)
            TRY(rows_of_sample(&c->samples.items[i], all_turns, &s->rows));
    return ERR_OK;
}

static err check_vocabulary(const struct building *s, const struct row_text *row,
                            const struct row_tokens *tokens) {
    int64_t vocab_size = s->b->vocab_size;
    for (int64_t i = 0; i < tokens->ids.n && vocab_size > 0; i++) {
        if (tokens->ids.ids[i] < vocab_size) continue;
        const struct corpus_source *source = &s->corpus.sources[row->sample->source];
        struct str piece = {0};
        err e = tokenizer_add_piece(s->tokenizer, tokens->ids.ids[i], &piece);
        if (e == ERR_OK)
            e = fail(ERR_MISMATCH,
                     "'%s' line %d: token %d ('%s') is outside the model's vocabulary of %lld (the "
                     "tokenizer has %lld)",
                     source->path ? source->path : source->name, row->sample->line,
                     tokens->ids.ids[i], str_text(&piece), (long long)vocab_size,
                     (long long)tokenizer_n_ids(s->tokenizer));
        str_release(&piece);
        return e;
    }
    return ERR_OK;
}

static err write_row(struct building *s, const struct row_text *row,
                     const struct row_tokens *tokens) {
    const struct corpus *c = &s->corpus;
    int split = c->use[row->sample - c->samples.items] == USE_VALID ? SPLIT_VALID : SPLIT_TRAIN;
    struct shard_writer *w = &s->splits[split];
    struct group_count *count = &s->counts[c->sources[row->sample->source].group];
    int64_t answers_before = w->n_answer_tokens;
    if (fim_chooses(&s->fim, row)) {
        TRY(fim_row(&s->fim, row, tokens, &s->permuted));
        tokens = &s->permuted;
    }
    struct lint_row *lint = &s->lint_rows[row - s->rows.items];
    TRY(check_vocabulary(s, row, tokens));
    *lint = lint_row_of(row, tokens, tokenizer_special(s->tokenizer, SPECIAL_SEP),
                        tokenizer_special(s->tokenizer, SPECIAL_EOD));
    lint->split = split;
    lint->row = w->n_rows;
    TRY(shard_writer_add(w, tokens,
                         (struct dataset_row){.source = row->sample->source,
                                              .line = row->sample->line,
                                              .part = row->part}));
    count->rows[split]++;
    count->tokens[split] += tokens->ids.n;
    count->answer_tokens[split] += w->n_answer_tokens - answers_before;
    return ERR_OK;
}

static err take_row(void *ctx, const struct row_text *row, const struct row_tokens *tokens) {
    struct building *s = ctx;
    if (s->n_written++ % 1024 == 0) progress_step(&s->progress, s->n_written - 1);
    return write_row(s, row, tokens);
}

/* The rows [first, first + n), which are of one source. */
static err write_source(struct building *s, struct token_cache *cache, int64_t first, int64_t n) {
    const struct row_text *rows = s->rows.items + first;
    const struct corpus_source *source = &s->corpus.sources[rows->sample->source];
    if (cache) TRY(token_cache_begin(cache, source->sha256, rows, n));
    const struct encoding encoding = {.tokenizer = s->tokenizer,
                                      .whitespace = s->whitespace,
                                      .cache = cache,
                                      .rows = rows,
                                      .n = n,
                                      .take = take_row,
                                      .ctx = s};
    TRY(encode_rows(&encoding));
    return cache ? token_cache_end(cache) : ERR_OK;
}

static err write_sources(struct building *s, struct token_cache *cache) {
    for (int64_t first = 0, end; first < s->rows.n; first = end) {
        int32_t source = s->rows.items[first].sample->source;
        for (end = first + 1; end < s->rows.n && s->rows.items[end].sample->source == source;)
            end++;
        TRY(write_source(s, cache, first, end - first));
    }
    if (!cache) return ERR_OK;
    struct token_cache_counts counts = token_cache_counts(cache);
    LOG(DATA, INFO, "%lld of %lld rows were encoded before", (long long)counts.n_found,
        (long long)counts.n_asked);
    return ERR_OK;
}

static err write_rows(struct building *s) {
    struct token_cache *cache = NULL;
    const struct token_cache_options options = {
        .dir = s->b->cache_dir,
        .tokenizer = s->tokenizer,
        .whitespace = s->whitespace,
        .all_turns = strcmp(s->b->options->turns, "all") == 0,
    };
    if (options.dir) TRY(token_cache_open(&cache, &options));
    progress_start(&s->progress, "tokens", s->rows.n);
    err e = write_sources(s, cache);
    progress_end(&s->progress);
    token_cache_close(cache);
    return e;
}

static err write_splits(struct building *s) {
    for (int i = 0; i < SPLIT_COUNT; i++) {
        s->split_dirs[i] = path_join(s->dir, split_names[i]);
        if (!s->split_dirs[i]) return ERR_MEMORY;
        s->splits[i].dir = s->split_dirs[i];
        TRY(shard_writer_start(&s->splits[i]));
    }
    TRY(write_rows(s));
    for (int i = 0; i < SPLIT_COUNT; i++) TRY(shard_writer_end(&s->splits[i]));
    if (s->splits[SPLIT_TRAIN].n_rows == 0)
        return fail(ERR_RANGE, "nothing is left to train: every row is held out or validates");
    return ERR_OK;
}

static err copy_tokenizer(const struct building *s) {
    char *dir = path_join(s->dir, "tokenizer");
    err e = dir ? dir_make(dir) : ERR_MEMORY;
    for (int i = 0; tokenizer_files[i] && e == ERR_OK; i++) {
        char *from = path_join(s->b->tokenizer_dir, tokenizer_files[i]);
        char *to = path_join(dir, tokenizer_files[i]);
        e = from && to ? ERR_OK : ERR_MEMORY;
        if (e == ERR_OK && file_exists(from)) e = file_copy(from, to);
        mem_free(from);
        mem_free(to);
    }
    mem_free(dir);
    return e;
}

static err run_filters(struct building *s) {
    struct filters_run run = {.corpus = &s->corpus,
                              .options = s->b->options,
                              .tokenizer = s->tokenizer,
                              .forbidden = s->b->forbidden,
                              .score = s->b->score,
                              .whitespace = s->whitespace};
    return filters_run(&run, &s->filtering);
}

static err build_in(struct building *s) {
    const struct data_build *b = s->b;
    TRY(special_whitespace_parse(b->options->special_whitespace, &s->whitespace));
    TRY(filters_check(b->options));
    TRY(tokenizer_open(&s->tokenizer, b->tokenizer_dir));
    s->corpus.tokenizer = s->tokenizer;
    s->fim = (struct fim){.tokenizer = s->tokenizer,
                          .whitespace = s->whitespace,
                          .options = b->options->fim,
                          .seed = b->seed};
    TRY(dir_remove(s->dir)); /* of a build that was killed */
    TRY(dir_make(s->dir));
    TRY(arena_use_file(&s->corpus.arena, s->dir));
    TRY(corpus_read(&s->corpus, b->options, b->requests));
    TRY(corpus_hold_out(&s->corpus, b->options, b->seed));
    TRY(run_filters(s));
    TRY(corpus_draw_validation(&s->corpus, b->options, b->seed));
    s->counts = mem_zalloc((size_t)s->corpus.n_groups, sizeof *s->counts);
    if (!s->counts) return ERR_MEMORY;
    TRY(make_rows(s));
    s->lint_rows = mem_zalloc((size_t)s->rows.n + 1, sizeof *s->lint_rows);
    if (!s->lint_rows) return ERR_MEMORY;
    TRY(write_splits(s));
    TRY(copy_tokenizer(s));
    TRY(build_write_cases(s));
    TRY(build_write_rows(s));
    TRY(build_write_lint(s));
    TRY(dropped_write(&s->filtering, s->dir));
    if (filtering_ran(&s->filtering, "near_dup")) TRY(near_rows_write(&s->corpus, s->dir));
    return build_write_manifest(s);
}

static void building_release(struct building *s) {
    for (int i = 0; i < SPLIT_COUNT; i++) {
        shard_writer_release(&s->splits[i]);
        mem_free(s->split_dirs[i]);
    }
    row_list_release(&s->rows);
    row_tokens_release(&s->permuted);
    fim_release(&s->fim);
    filtering_release(&s->filtering);
    corpus_release(&s->corpus);
    tokenizer_free(s->tokenizer);
    mem_free(s->counts);
    mem_free(s->lint_rows);
}

/* Only a dataset, or nothing at all, may be replaced. */
static err check_target(const char *dir) {
    struct name_list names = {0};
    if (!file_exists(dir)) return ERR_OK;
    TRY(dir_list(dir, &names));
    bool empty = names.n == 0, is_dataset = false;
    name_list_release(&names);
    if (empty) return ERR_OK;
    char *path = path_join(dir, "manifest.json");
    json_t *manifest = NULL;
    const char *format;
    if (!path) return ERR_MEMORY;
    err e = file_exists(path) ? json_parse_file(path, &manifest) : ERR_OK;
    if (e == ERR_OK && manifest)
        is_dataset = json_need_string(manifest, "format", &format) == ERR_OK &&
                     strcmp(format, "cotrain-dataset") == 0;
    json_decref(manifest);
    mem_free(path);
    if (is_dataset || e == ERR_MEMORY) return e;
    return fail(ERR_EXISTS, "'%s' is there and is no dataset; it is not replaced", dir);
}

static err build_and_commit(const struct data_build *b, const char *temporary, const char *dir) {
    struct building s = {.b = b, .dir = temporary};
    TRY(check_target(dir));
    err e = build_in(&s);
    if (e == ERR_OK)
        LOG(DATA, INFO, "'%s': %lld rows to train, %lld to validate with, %lld held-out cases", dir,
            (long long)s.splits[SPLIT_TRAIN].n_rows, (long long)s.splits[SPLIT_VALID].n_rows,
            (long long)s.corpus.n_cases);
    building_release(&s);
    if (e == ERR_OK && b->check) e = b->check(b->check_ctx, temporary);
    if (e == ERR_OK) e = dir_commit(temporary, dir);
    return e == ERR_OK ? ERR_OK : dir_give_up(e, temporary);
}

err data_build(const struct data_build *b, const char *out_dir) {
    struct str dir = {0}, temporary = {0};
    err e = str_add(&dir, out_dir);
    while (e == ERR_OK && dir.len > 1 && dir.data[dir.len - 1] == '/') dir.data[--dir.len] = '\0';
    if (e == ERR_OK) e = str_printf(&temporary, "%s.tmp-build", str_text(&dir));
    if (e == ERR_OK) e = build_and_commit(b, str_text(&temporary), str_text(&dir));
    str_release(&dir);
    str_release(&temporary);
    return e;
}
