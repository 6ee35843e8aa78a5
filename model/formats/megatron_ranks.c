/* SPDX-License-Identifier: Apache-2.0
 * Finding and opening the files of a Megatron checkpoint. Layout: a tracker file says which
 * iteration; `<dir>/iter_%07d/` or `<dir>/release/` holds a folder a rank, mp_rank_TT where there
 * is one pipeline stage and mp_rank_TT_PPP where there are more, each with model_optim_rng.pt.
 * Files of the distributed optimiser beside it are not looked at. The folders that are there say
 * how many ranks there are; the args must agree, so that a lost rank is not taken for a smaller
 * model.
 * Read next: model/formats/megatron.c. */
#include "base/mem.h"
#include "base/str.h"
#include "model/formats/megatron_int.h"
#include <string.h>

static const char RANK_PREFIX[] = "mp_rank_", RANK_FILE[] = "model_optim_rng.pt";
enum { TRACKER_MAX_BYTES = 64, ITERATION_MAX = 9999999 };

/* The folder that the tracker names: an iteration's number, or "release". */
static err parse_tracker(struct megatron *m, const char *path, struct str *text, const char **out) {
    int64_t iteration = 0;
    TRY(file_read(path, TRACKER_MAX_BYTES, text));
    while (text->len && strchr("\r\n ", text->data[text->len - 1])) text->data[--text->len] = 0;
    const bool release = strcmp(str_text(text), "release") == 0;
    if (!release && (str_to_int64(str_text(text), &iteration) != ERR_OK || iteration < 0 ||
                     iteration > ITERATION_MAX))
        return fail(ERR_PARSE, "'%s': neither the number of an iteration nor 'release'", path);
    char *dir = path_dir(path);
    if (!dir) return ERR_MEMORY;
    *out = release ? arena_printf(&m->f->arena, "%s/release", dir)
                   : arena_printf(&m->f->arena, "%s/iter_%07lld", dir, (long long)iteration);
    mem_free(dir);
    if (!*out) return ERR_MEMORY;
    return dir_exists(*out) ? ERR_OK : fail(ERR_MISSING, "'%s': '%s' is not there", path, *out);
}

/* The folder of the ranks, which may have been opened itself. */
static err find_ranks(struct megatron *m, const char *path, const char **out) {
    struct str text = {0};
    *out = path;
    if (dir_exists(path)) return ERR_OK;
    err code = parse_tracker(m, path, &text, out);
    str_release(&text);
    return code;
}

static bool read_digits(const char **text, int64_t max, int64_t *out) {
    const char *p = *text;
    for (*out = 0; *p >= '0' && *p <= '9' && *out <= max; p++) *out = 10 * *out + (*p - '0');
    const bool some = p != *text;
    *text = p;
    return some && *out < max;
}

/* The ranks that a folder's name gives: mp_rank_TT (stage -1) or mp_rank_TT_PPP. */
static err parse_rank(const char *name, int64_t *tensor_rank, int64_t *stage) {
    const char *p = name + strlen(RANK_PREFIX);
    *stage = -1;
    bool good = read_digits(&p, MEGATRON_MAX_TENSOR_RANKS, tensor_rank);
    if (good && *p == '_') {
        p++;
        good = read_digits(&p, MEGATRON_MAX_STAGES, stage);
    }
    if (good && *p == 0) return ERR_OK;
    return fail(ERR_PARSE, "'%s' is not mp_rank_TT or mp_rank_TT_PPP, of up to %d and %d ranks",
                name, MEGATRON_MAX_TENSOR_RANKS, MEGATRON_MAX_STAGES);
}

/* Puts the folders where their ranks say. */
static err place_ranks(struct megatron *m, const struct name_list *list) {
    int64_t tensor_rank, stage, staged = 0, n = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (!str_starts(list->names[i], RANK_PREFIX)) continue;
        TRY(parse_rank(list->names[i], &tensor_rank, &stage));
        if (tensor_rank >= m->n_tensor_ranks) m->n_tensor_ranks = tensor_rank + 1;
        if (stage >= m->n_stages) m->n_stages = stage + 1;
        staged += stage >= 0;
        n++;
    }
    if (!n) return fail(ERR_MISSING, "no folder mp_rank_TT in it");
    if (staged && staged != n) return fail(ERR_PARSE, "folders mp_rank_TT beside mp_rank_TT_PPP");
    if (!staged) m->n_stages = 1;
    m->ranks =
        arena_alloc(&m->f->arena, (size_t)(m->n_tensor_ranks * m->n_stages), sizeof *m->ranks);
    if (!m->ranks) return ERR_MEMORY;
    for (size_t i = 0; i < list->n; i++) {
        if (!str_starts(list->names[i], RANK_PREFIX)) continue;
        TRY(parse_rank(list->names[i], &tensor_rank, &stage));
        struct megatron_rank *r = megatron_rank_at(m, stage < 0 ? 0 : stage, tensor_rank);
        if (r->name)
            return fail(ERR_PARSE, "'%s' and '%s' are the same rank", r->name, list->names[i]);
        r->name = arena_strdup(&m->f->arena, list->names[i]);
        if (!r->name) return ERR_MEMORY;
    }
    for (int64_t p = 0; p < m->n_stages; p++)
        for (int64_t t = 0; t < m->n_tensor_ranks; t++)
            if (!megatron_rank_at(m, p, t)->name)
                return fail(ERR_MISSING,
                            "no %s%02lld_%03lld: tensor-parallel rank %lld of stage "
                            "%lld is missing",
                            RANK_PREFIX, (long long)t, (long long)p, (long long)t, (long long)p);
    return ERR_OK;
}

/* A member that must be a dict. */
static err need_dict(const struct pickle_value *v, const char *key,
                     const struct pickle_value **out) {
    *out = pickle_get(v, key);
    if (!*out) return fail(ERR_MISSING, "no '%s' in the pickle", key);
    if ((*out)->kind == PICKLE_DICT) return ERR_OK;
    return fail(ERR_PARSE, "'%s' is %s, not a dict", key, pickle_kind_name((*out)->kind));
}

static err open_archive(struct megatron *m, struct megatron_rank *r) {
    const struct file_map *map = &m->f->files[r->file].map;
    TRY(torch_archive_open(&r->archive, map->data, map->size_bytes, &m->f->arena));
    if (pickle_get(r->archive.root, "model0"))
        return fail(ERR_UNSUPPORTED, "several stages in one rank (virtual pipeline)");
    TRY(need_dict(r->archive.root, "model", &r->model));
    TRY(need_dict(r->model, "language_model", &r->language_model));
    return need_dict(r->language_model, "encoder", &r->encoder);
}

static err open_rank(struct megatron *m, const char *dir, struct megatron_rank *r) {
    const char *path = arena_printf(&m->f->arena, "%s/%s/%s", dir, r->name, RANK_FILE);
    if (!path) return ERR_MEMORY;
    if (!file_exists(path)) return fail(ERR_MISSING, "'%s' is not there", path);
    TRY(tensor_file_map(m->f, path, &r->file));
    err code = open_archive(m, r);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}

err megatron_check_arg(const struct megatron *m, const char *name, int64_t value) {
    const struct pickle_value *arg = pickle_get(m->args, name);
    if (!arg || arg->kind != PICKLE_INT || arg->integer == value) return ERR_OK;
    return fail(ERR_MISMATCH, "%s is %lld in its args, and %lld by its files", name,
                (long long)arg->integer, (long long)value);
}

err megatron_open_ranks(struct megatron *m, const char *path) {
    const char *dir = NULL;
    struct name_list list = {0};
    TRY(find_ranks(m, path, &dir));
    err code = dir_list(dir, &list);
    if (!code) code = place_ranks(m, &list);
    name_list_release(&list);
    for (int64_t i = 0; !code && i < m->n_tensor_ranks * m->n_stages; i++) {
        code = open_rank(m, dir, &m->ranks[i]);
        if (code) return code;
    }
    if (!code) {
        m->args = pickle_get(m->ranks[0].archive.root, "args");
        code = megatron_check_arg(m, "tensor_model_parallel_size", m->n_tensor_ranks);
    }
    if (!code) code = megatron_check_arg(m, "pipeline_model_parallel_size", m->n_stages);
    return code ? fail_in(code, "'%s'", dir) : ERR_OK;
}
