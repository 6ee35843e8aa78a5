/* SPDX-License-Identifier: Apache-2.0
 * Evaluation's memory without its weights (cli/eval_plan.h). The texts of the recipe's tasks are
 * read and counted where they are there; held-out cases and validation rows that data building will
 * make are not, and then texts as long as a row of training stand for them.
 * Read next: cli/eval_stage.c, which keeps to it. */
#include "cli/eval_plan.h"

#include "cli/train_rows.h"
#include "eval/run.h"

int64_t eval_plan_limit(const struct memory_limit *limit) {
    if (limit->bytes == INT64_MAX) return INT64_MAX;
    return limit->bytes - (limit->device ? FIT_CONTEXT_BYTES : FIT_PROGRAM_BYTES);
}

struct needed {
    struct eval_need need;
    bool guessed;
};

/* Prompts as long as the rows of training, 4 bytes a token. */
static struct eval_need guess(const struct chain *c, const struct tokenizer *t) {
    struct eval_need need = {.token_bytes = eval_token_bytes(t),
                             .pass_tokens = c->train.sequence_len,
                             .text_tokens = c->train.sequence_len + c->eval.max_new_tokens,
                             .n_texts = EVAL_TEXTS};
    const int64_t each = c->eval.limit > 0 ? c->eval.limit : c->data.holdout.per_request;
    for (int64_t i = 0; i < c->requests.n * each; i++)
        eval_need_answer(&need, 4 * c->train.sequence_len, c->eval.max_new_tokens);
    return need;
}

/* Adds what some of the recipe's tasks need: `options` names them and no gates. */
static err add_tasks(const struct chain *c, const struct eval_run *all, struct eval_options options,
                     const struct tokenizer *t, struct needed *out) {
    struct eval_run run = *all;
    struct eval_need need;
    options.gates.n = 0;
    run.options = &options;
    err result = eval_run_need(&run, t, &need);
    if (result == ERR_MEMORY) return result;
    if (result != ERR_OK) {
        err_clear();
        need = guess(c, t);
        out->guessed = true;
    }
    eval_need_add(&out->need, &need);
    return ERR_OK;
}

/* Each by itself: one whose texts are not there yet hides nothing of the others. */
static err add_each(const struct chain *c, const struct eval_run *run, const struct tokenizer *t,
                    void *to) {
    struct needed *out = to;
    struct eval_options one = c->eval;
    const struct eval_task *task;
    one.tasks.n = 0;
    if (c->eval.task_files.n > 0) TRY(add_tasks(c, run, one, t, out)); /* users' own, all */
    one.task_files.n = 0;
    for (int64_t i = 0; i < c->eval.tasks.n; i++) {
        one.tasks = (struct opt_list){.items = &c->eval.tasks.items[i], .n = 1};
        if (eval_task_find(c->eval.tasks.items[i], &task) != ERR_OK)
            err_clear(); /* a user's own */
        else
            TRY(add_tasks(c, run, one, t, out));
    }
    return ERR_OK;
}

/* Of the tasks that are asked during training the largest; a user's own with all others of
 * eval.task_files. */
static err largest(const struct chain *c, const struct eval_run *run, const struct tokenizer *t,
                   void *to) {
    int64_t *most = to;
    for (int64_t i = 0; i < c->train.eval_tasks.n; i++) {
        struct needed one = {.guessed = false};
        struct eval_options options = c->eval;
        const struct eval_task *task;
        options.tasks = (struct opt_list){.items = &c->train.eval_tasks.items[i], .n = 1};
        if (eval_task_find(options.tasks.items[0], &task) == ERR_OK)
            options.task_files.n = 0;
        else
            err_clear();
        TRY(add_tasks(c, run, options, t, &one));
        const int64_t bytes = eval_need_bytes(&one.need, one.need.token_bytes);
        if (bytes > *most) *most = bytes;
    }
    return ERR_OK;
}

/* Looks at a recipe's tasks with what there is of their texts and of the model's tokenizer. */
static err with_texts(const struct chain *c,
                      err (*look)(const struct chain *c, const struct eval_run *run,
                                  const struct tokenizer *t, void *to),
                      void *to) {
    struct eval_cases cases = {0};
    struct tokenizer *t = NULL;
    struct eval_run run = {.datasets = {.folder = c->eval.datasets}, .unsafe = true};
    TRY(train_loader_options(&c->train, SPLIT_VALID, &run.loader, &run.isolate));
    TRY(special_whitespace_parse(c->data.special_whitespace, &run.whitespace));
    err result = eval_cases_load(&cases, &c->requests, NULL, c->eval.limit);
    if (result != ERR_OK && result != ERR_MEMORY) {
        err_clear();
        result = ERR_OK;
    }
    if (result == ERR_OK && eval_cases_count(&cases) > 0) run.cases = &cases;
    if (result == ERR_OK && tokenizer_open(&t, c->base_model.path) != ERR_OK) err_clear();
    if (result == ERR_OK) result = look(c, &run, t, to);
    tokenizer_free(t);
    eval_cases_release(&cases);
    return result;
}

static err find(struct planning *p, struct eval_need *need, const struct memory_limit *limit,
                struct eval_plan *out) {
    TRY(eval_memory_plan(&p->model, p->adapter, need->pass_tokens, &p->plan));
    TRY(p->plan.failed);
    err e = eval_memory_find(&p->model, &p->plan, need, eval_plan_limit(limit), &out->memory);
    if (e == ERR_LIMIT) {
        err_clear();
        need->n_texts = 1;
        e = eval_memory_find(&p->model, &p->plan, need, INT64_MAX, &out->memory);
    }
    out->fits = eval_memory_bytes(&out->memory) <= eval_plan_limit(limit);
    return e;
}

err eval_plan_find(const struct chain *chain, const struct planned_for *o,
                   const struct memory_limit *limit, struct eval_plan *out) {
    struct planning p;
    struct needed needed = {.guessed = false};
    *out = (struct eval_plan){.fits = true};
    out->any = chain->eval.tasks.n > 0 || chain->eval.task_files.n > 0;
    out->program_bytes = limit->device ? FIT_CONTEXT_BYTES : FIT_PROGRAM_BYTES;
    if (!out->any) return ERR_OK;
    TRY(with_texts(chain, add_each, &needed));
    out->guessed = needed.guessed;
    err e = planning_open_model(&p, chain, o);
    if (e == ERR_OK) e = find(&p, &needed.need, limit, out);
    planning_close(&p);
    return e;
}

err eval_plan_during(const struct chain *chain, int64_t *out_text_bytes) {
    *out_text_bytes = 0;
    return chain->train.eval_tasks.n > 0 ? with_texts(chain, largest, out_text_bytes) : ERR_OK;
}

int64_t eval_plan_resident_bytes(const struct eval_plan *p) {
    const struct eval_memory *m = &p->memory;
    return eval_memory_bytes(m) + m->mapped_bytes + p->program_bytes;
}

err eval_plan_text(const struct eval_plan *p, struct str *out) {
    const struct eval_memory *m = &p->memory;
    if (!p->any) return ERR_OK;
    TRY(str_printf(out, "%-12s %12.1f MiB  resident", "evaluation",
                   (double)eval_plan_resident_bytes(p) / 1048576.0));
    if (m->n_texts > 0)
        TRY(str_printf(out, ": %lld text%s of at most %lld tokens side by side",
                       (long long)m->n_texts, m->n_texts == 1 ? "" : "s",
                       (long long)m->text_tokens));
    if (p->guessed) TRY(str_add(out, " (they are not there yet)"));
    return str_add(out, p->fits ? "\n" : ": more than there is\n");
}

err eval_plan_json(const struct eval_plan *p, json_t *out) {
    const struct eval_memory *m = &p->memory;
    if (!p->any) return ERR_OK;
    return json_put(out, "evaluation",
                    json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "fits", (int)p->fits,
                              "pass_bytes", (json_int_t)m->pass_bytes, "decoder_bytes",
                              (json_int_t)m->decoder_bytes, "text_bytes", (json_int_t)m->text_bytes,
                              "mapped_bytes", (json_int_t)m->mapped_bytes, "resident_bytes",
                              (json_int_t)eval_plan_resident_bytes(p), "texts",
                              (json_int_t)m->n_texts, "text_tokens", (json_int_t)m->text_tokens,
                              "guessed", (int)p->guessed));
}
