/* SPDX-License-Identifier: Apache-2.0
 * Writing and reading checkpoint folders. A folder is filled under a temporary name and renamed, so
 * a kill at any moment leaves the earlier ones as they were; what is read is checked against its
 * hashes before a single parameter changes.
 * Read next: trainer/checkpoint.h for the files, trainer/checkpoint_state.c for state.json. */
#include "trainer/checkpoint.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/formats/safetensors.h"
#include "trainer/checkpoint_int.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <string.h>

static const char prefix[] = "checkpoint-";

/* ---- writing ---- */

enum { PIECE = 1 << 18 };

struct tensor_reader { /* hands out device tensors as host memory */
    struct compute *compute;
    const void *const *data;
    const struct tensor *first;
    void *room; /* of a piece */
};

static err host_piece(void *ctx, const struct tensor *t, int64_t begin, int64_t *n,
                      const void **out) {
    struct tensor_reader *r = ctx;
    const int64_t size = dtype_bytes(t->dtype);
    if (*n > PIECE) *n = PIECE;
    *out = r->room;
    return r->compute->backend->download(r->compute, r->room,
                                         (const char *)r->data[t - r->first] + begin * size,
                                         (size_t)(*n * size));
}

/* Writes n tensors that live in the backend's memory, where they have no `data` yet. */
static err write_tensors(struct compute *c, const char *dir, const char *stem,
                         struct tensor *tensors, const void *const *data, int64_t n) {
    struct tensor_reader reader = {c, data, tensors, NULL};
    const struct tensor_source source = {.piece = host_piece, .ctx = &reader};
    if (c->backend->host_memory) {
        for (int64_t i = 0; i < n; i++) tensors[i].data = data[i];
    } else {
        reader.room = mem_alloc(PIECE, sizeof(double));
        if (!reader.room) return ERR_MEMORY;
    }
    err e = safetensors_write_dir(dir, stem, tensors, n, 0, &source);
    mem_free(reader.room);
    return e;
}

static struct tensor tensor_of(const struct param *p, const char *name) {
    struct tensor t = {
        .name = name, .dtype = param_value(p).dtype, .n_dims = p->n_dims, .count = p->count};
    for (int d = 0; d < p->n_dims; d++) t.shape[d] = p->shape[d];
    return t;
}

static err write_params(const struct trainer *t, const char *dir) {
    struct arena a = {0};
    struct tensor *tensors = arena_alloc(&a, (size_t)t->n_params, sizeof *tensors);
    const void **data = arena_alloc(&a, (size_t)t->n_params, sizeof *data);
    err e = tensors && data ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < t->n_params && e == ERR_OK; i++) {
        tensors[i] = tensor_of(t->params[i], t->params[i]->name);
        data[i] = param_value(t->params[i]).data;
    }
    if (e == ERR_OK) e = write_tensors(t->run.compute, dir, "model", tensors, data, t->n_params);
    char *path = path_join(dir, "config.json");
    if (e == ERR_OK) e = path ? json_write_file(path, t->run.model->config.json) : ERR_MEMORY;
    mem_free(path);
    arena_release(&a);
    return e;
}

/* State `k` of parameter `i` as a tensor of a file, without its data. */
static err name_state(const struct trainer *t, int64_t i, int k, struct arena *a,
                      struct tensor *out) {
    const struct optimizer_state *s = &t->internal->states[i].of[k];
    *out = (struct tensor){.name = arena_printf(a, "%s.%s", s->name, t->params[i]->name),
                           .dtype = s->dtype,
                           .n_dims = s->n_dims,
                           .count = s->count};
    memcpy(out->shape, s->shape, sizeof s->shape);
    return out->name ? ERR_OK : ERR_MEMORY;
}

static err write_optimizer(const struct trainer *t, const char *dir) {
    const size_t most = (size_t)t->n_params * OPTIMIZER_MAX_STATES;
    struct arena a = {0};
    struct tensor *tensors = arena_alloc(&a, most, sizeof *tensors);
    const void **data = arena_alloc(&a, most, sizeof *data);
    int64_t n = 0;
    err e = tensors && data ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < t->n_params && e == ERR_OK; i++) {
        const struct optimizer_states *s = &t->internal->states[i];
        for (int k = 0; k < s->n && e == ERR_OK; k++, n++) {
            e = name_state(t, i, k, &a, &tensors[n]);
            data[n] = s->data[k];
            if (t->internal->offload.optimizer) tensors[n].data = s->data[k];
        }
    }
    if (e == ERR_OK) e = write_tensors(t->run.compute, dir, "optimizer", tensors, data, n);
    arena_release(&a);
    return e;
}

static err fill_folder(const struct trainer *t, const char *dir) {
    TRY(dir_remove(dir));
    TRY(dir_make(dir));
    if (t->run.adapter)
        TRY(adapter_save(t->run.adapter, dir, t->run.base_name));
    else
        TRY(write_params(t, dir));
    TRY(write_optimizer(t, dir));
    return checkpoint_state_write(&t->internal->progress, dir);
}

static err commit_folder(const struct trainer *t, const char *path) {
    struct str temporary = {0};
    err e = str_printf(&temporary, "%s.tmp-write", path);
    if (e == ERR_OK) e = fill_folder(t, str_text(&temporary));
    if (e == ERR_OK) e = dir_commit(str_text(&temporary), path);
    if (e != ERR_OK && temporary.data) e = dir_give_up(e, temporary.data);
    str_release(&temporary);
    return e;
}

/* ---- the folders there are ---- */

struct found_list {
    int64_t *steps; /* newest first */
    int64_t n;
};

static int newest_first(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

static err list_steps(const char *dir, struct found_list *out) {
    *out = (struct found_list){0};
    if (!dir_exists(dir)) return ERR_OK;
    struct name_list names = {0};
    TRY(dir_list(dir, &names));
    out->steps = mem_alloc(names.n + 1, sizeof *out->steps);
    err e = out->steps ? ERR_OK : ERR_MEMORY;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        const char *digits = names.names[i] + sizeof prefix - 1;
        if (!str_starts(names.names[i], prefix) || !*digits) continue;
        if (digits[strspn(digits, "0123456789")] != '\0' || strlen(digits) > 18) continue;
        e = str_to_int64(digits, &out->steps[out->n++]);
    }
    if (e == ERR_OK) qsort(out->steps, (size_t)out->n, sizeof *out->steps, newest_first);
    name_list_release(&names);
    return e;
}

static char *folder_path(const struct trainer *t, int64_t step) {
    struct str path = {0};
    err e = str_printf(&path, "%s/%s%" PRId64, t->run.dir, prefix, step);
    if (e == ERR_OK) return path.data;
    str_release(&path);
    return NULL;
}

err checkpoint_any(const struct trainer *t, bool *found) {
    struct found_list list;
    TRY(list_steps(t->run.dir, &list));
    *found = list.n > 0 || file_exists(t->internal->record.path);
    mem_free(list.steps);
    return ERR_OK;
}

/* Removes all but the newest save_total_limit checkpoints, and those that are to stay. Where the
 * best evaluation's is kept and older than the newest, it takes the place of one, but not of the
 * very newest. */
static err prune(const struct trainer *t) {
    int64_t limit = t->run.options->save_total_limit, stays = t->run.state_steps;
    const int64_t best =
        t->run.options->load_best_model_at_end ? t->internal->progress.best.step : 0;
    struct found_list list;
    if (limit == 0) return ERR_OK;
    TRY(list_steps(t->run.dir, &list));
    if (best > 0 && limit > 1 && list.n >= limit && best < list.steps[limit - 1]) limit--;
    err e = ERR_OK;
    for (int64_t i = limit; i < list.n && e == ERR_OK; i++) {
        if (list.steps[i] == best || (stays > 0 && list.steps[i] % stays == 0)) continue;
        char *path = folder_path(t, list.steps[i]);
        e = path ? dir_remove(path) : ERR_MEMORY;
        mem_free(path);
    }
    mem_free(list.steps);
    return e;
}

err checkpoint_write(const struct trainer *t) {
    char *path = folder_path(t, t->internal->progress.step);
    if (!path) return ERR_MEMORY;
    err e = file_flush(t->internal->record.path);
    if (e == ERR_OK) e = commit_folder(t, path);
    if (e == ERR_OK) e = prune(t);
    if (e == ERR_OK) LOG(TRAINER, INFO, "wrote '%s'", path);
    if (e != ERR_OK) e = fail_in(e, "checkpoint '%s'", path);
    mem_free(path);
    return e;
}

/* ---- reading ---- */

/* The tensor of the file that `like` describes, into the backend's memory, or with c NULL into the
 * host's. */
static err upload(struct compute *c, const struct tensor_file *f, const struct tensor *like,
                  void *to) {
    const struct tensor *t;
    TRY(tensor_file_need(f, like->name, like->n_dims, like->shape, &t));
    if (t->dtype != like->dtype)
        return fail(ERR_MISMATCH, "tensor '%s' is %s and not %s", like->name, dtype_name(t->dtype),
                    dtype_name(like->dtype));
    const size_t bytes = (size_t)(t->count * dtype_bytes(t->dtype));
    if (c) return c->backend->upload(c, to, t->data, bytes);
    memcpy(to, t->data, bytes);
    return ERR_OK;
}

static err read_params(struct trainer *t, const char *dir) {
    if (t->run.adapter) return adapter_restore(t->run.adapter, dir);
    struct tensor_file *f = NULL;
    err e = tensor_file_open_dir(&f, dir, "model");
    for (int64_t i = 0; i < t->n_params && e == ERR_OK; i++) {
        struct param *p = t->params[i];
        const struct tensor like = tensor_of(p, p->name);
        e = upload(t->run.compute, f, &like, p->value ? (void *)p->value : p->value_bf16);
    }
    tensor_file_close(f);
    return e;
}

static err read_states(struct trainer *t, const char *dir) {
    struct tensor_file *f = NULL;
    struct arena a = {0};
    err e = tensor_file_open_dir(&f, dir, "optimizer");
    for (int64_t i = 0; i < t->n_params && e == ERR_OK; i++) {
        const struct optimizer_states *s = &t->internal->states[i];
        for (int k = 0; k < s->n && e == ERR_OK; k++) {
            struct tensor like;
            e = name_state(t, i, k, &a, &like);
            if (e == ERR_OK)
                e = upload(t->internal->offload.optimizer ? NULL : t->run.compute, f, &like,
                           s->data[k]);
        }
    }
    arena_release(&a);
    tensor_file_close(f);
    return e;
}

static err read_tensors(struct trainer *t, const char *dir) {
    TRY(read_params(t, dir));
    return read_states(t, dir);
}

static err check_identity(const struct checkpoint_state *state, const struct run_identity *now) {
    const struct {
        const char *what, *then, *now;
    } parts[] = {{"settings", state->identity.options, now->options},
                 {"a dataset", state->identity.dataset, now->dataset},
                 {"a base model", state->identity.base, now->base}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].then, parts[i].now) != 0) {
            err e = fail(ERR_MISMATCH, "it is of a run with %s other than now", parts[i].what);
            return fail_hint(e, "put the recipe back as it was, or train into another folder");
        }
    return ERR_OK;
}

/* *whole is false when the folder was never finished. */
static err read_folder(struct trainer *t, int64_t step, const char *path, bool *whole) {
    struct checkpoint_state state = {0};
    TRY(checkpoint_state_read(&state, path, whole));
    if (!*whole) return ERR_OK;
    if (state.step != step)
        return fail(ERR_MISMATCH, "it holds step %" PRId64 " and not %" PRId64, state.step, step);
    TRY(check_identity(&state, &t->internal->progress.identity));
    TRY(read_tensors(t, path));
    t->internal->progress = state;
    return ERR_OK;
}

static err read_best(struct trainer *t, const char *path) {
    struct checkpoint_state state = {0};
    bool whole;
    TRY(checkpoint_state_read(&state, path, &whole));
    if (!whole) {
        err e = fail(ERR_MISSING, "the best model's checkpoint is not there");
        return fail_hint(e, "train again from the start, in another folder");
    }
    TRY(check_identity(&state, &t->internal->progress.identity));
    return read_params(t, path);
}

err checkpoint_read_best(struct trainer *t) {
    char *path = folder_path(t, t->internal->progress.best.step);
    if (!path) return ERR_MEMORY;
    err e = read_best(t, path);
    if (e != ERR_OK) e = fail_in(e, "checkpoint '%s'", path);
    mem_free(path);
    return e;
}

/* Checkpoints and logs that a kill left half written. */
static err remove_temporary(const char *dir) {
    if (!dir_exists(dir)) return ERR_OK;
    struct name_list names = {0};
    TRY(dir_list(dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        if (!strstr(names.names[i], ".tmp-")) continue;
        char *path = path_join(dir, names.names[i]);
        e = path ? dir_remove(path) : ERR_MEMORY;
        mem_free(path);
    }
    name_list_release(&names);
    return e;
}

err checkpoint_read(struct trainer *t, bool *found) {
    *found = false;
    struct found_list list;
    TRY(remove_temporary(t->run.dir));
    TRY(list_steps(t->run.dir, &list));
    err e = ERR_OK;
    for (int64_t i = 0; i < list.n && e == ERR_OK && !*found; i++) {
        char *path = folder_path(t, list.steps[i]);
        e = path ? read_folder(t, list.steps[i], path, found) : ERR_MEMORY;
        if (e != ERR_OK) e = fail_in(e, "checkpoint '%s'", path ? path : "");
        if (e == ERR_OK && !*found) LOG(TRAINER, WARN, "'%s' is not finished; passed over", path);
        mem_free(path);
    }
    mem_free(list.steps);
    return e;
}
