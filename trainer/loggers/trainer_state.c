/* SPDX-License-Identifier: Apache-2.0
 * trainer_state.json as the HF trainer writes it (indented by two, keys sorted), for who reads a
 * run's history from it. It is for readers alone: a run goes on from its own checkpoints.
 * The history is written line by line from run.jsonl, at every checkpoint anew, and is never held
 * whole.
 * Read next: trainer/loggers/logger.h. */
#include "base/file.h"
#include "base/mem.h"
#include "trainer/loggers/logger.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Of an entry of the history in the file, whose list stands one level deep. */
static const char margin[] = "    ";

static err fill_step(const struct log_line *l, json_t *out) {
    TRY(json_put(out, "epoch", json_real(l->epoch)));
    TRY(json_put(out, "grad_norm", json_real(l->gradient_norm)));
    TRY(json_put(out, "learning_rate", json_real(l->lr)));
    TRY(json_put(out, "loss", json_real(l->loss_mean)));
    return json_put(out, "step", json_integer(l->step));
}

static err fill_evaluation(const struct log_line *l, json_t *out) {
    const double rate = l->eval_seconds > 0 ? l->eval_rows / l->eval_seconds : 0;
    TRY(json_put(out, "epoch", json_real(l->epoch)));
    TRY(log_scores(l, log_put_score, out));
    TRY(json_put(out, "eval_runtime", json_real(l->eval_seconds)));
    TRY(json_put(out, "eval_samples_per_second", json_real(rate)));
    TRY(json_put(out, "eval_steps_per_second", json_real(rate))); /* rows go one by one */
    return json_put(out, "step", json_integer(l->step));
}

struct history {
    struct file_writer writer;
    bool any;
};

static err write_text(struct history *h, const char *text, size_t n) {
    return file_writer_write(&h->writer, text, n);
}

/* The lines of an entry's text, each behind the margin; without the last one's end. */
static err write_indented(struct history *h, const struct str *text) {
    const char *at = str_text(text), *end = at + text->len;
    while (end > at && end[-1] == '\n') end--;
    TRY(write_text(h, h->any ? ",\n" : "\n", h->any ? 2 : 1));
    h->any = true;
    for (bool first = true; at < end; first = false) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_end ? line_end : end;
        if (!first) TRY(write_text(h, "\n", 1));
        TRY(write_text(h, margin, sizeof margin - 1));
        TRY(write_text(h, at, (size_t)(next - at)));
        at = line_end ? line_end + 1 : end;
    }
    return ERR_OK;
}

static err write_entry(struct history *h, const struct log_line *l,
                       err (*fill)(const struct log_line *, json_t *)) {
    struct str text = {0};
    json_t *entry = json_object();
    err e = entry ? fill(l, entry) : fail(ERR_MEMORY, "out of memory for a line of the history");
    if (e == ERR_OK) e = json_text(entry, JSON_TEXT_PRETTY | JSON_TEXT_SORTED, &text);
    if (e == ERR_OK) e = write_indented(h, &text);
    json_decref(entry);
    str_release(&text);
    return e;
}

static err write_line(void *ctx, const struct log_line *l) {
    if (l->logged) TRY(write_entry(ctx, l, fill_step));
    return l->evaluated ? write_entry(ctx, l, fill_evaluation) : ERR_OK;
}

static err put_best(const struct logger *l, const struct log_line *newest, json_t *out) {
    const bool any = newest->best_step > 0;
    struct str folder = {0};
    err e = ERR_OK;
    if (any && l->run->options->load_best_model_at_end)
        e = str_printf(&folder, "checkpoint-%" PRId64, newest->best_step);
    if (e == ERR_OK)
        e = json_put(out, "best_global_step", any ? json_integer(newest->best_step) : json_null());
    if (e == ERR_OK)
        e = json_put(out, "best_metric", any ? json_real(newest->best_value) : json_null());
    if (e == ERR_OK)
        e = json_put(out, "best_model_checkpoint",
                     json_text_or_null(folder.len > 0 ? folder.data : NULL));
    str_release(&folder);
    return e;
}

/* Everything, with a history that is still empty. Operations are the HF trainer's estimate, six for
 * each weight that is no embedding and each token; no clock is in it. */
static err fill_head(const struct logger *l, const struct log_line *newest, json_t *out) {
    const struct train_options *o = l->run->options;
    TRY(put_best(l, newest, out));
    TRY(json_put(out, "epoch", json_real(newest->epoch)));
    TRY(json_put(out, "eval_steps", json_integer(o->eval_steps)));
    TRY(json_put(out, "global_step", json_integer(newest->step)));
    TRY(json_put(out, "is_hyper_param_search", json_false()));
    TRY(json_put(out, "is_local_process_zero", json_true()));
    TRY(json_put(out, "is_world_process_zero", json_true()));
    TRY(json_put(out, "log_history", json_array()));
    TRY(json_put(out, "logging_steps", json_integer(o->logging_steps > 0 ? o->logging_steps : 1)));
    TRY(json_put(out, "max_steps", json_integer(l->run->n_steps)));
    TRY(json_put(out, "num_input_tokens_seen", json_integer(newest->tokens)));
    TRY(json_put(out, "num_train_epochs", json_integer(llround(ceil(o->num_epochs)))));
    TRY(json_put(out, "save_steps", json_integer(o->save_steps)));
    TRY(json_put(out, "stateful_callbacks", json_object()));
    TRY(json_put(out, "total_flos",
                 json_real(6 * (double)l->run->n_weights * (double)newest->tokens)));
    TRY(json_put(out, "train_batch_size", json_integer(o->micro_batch_size)));
    TRY(json_put(out, "trial_name", json_null()));
    return json_put(out, "trial_params", json_null());
}

static err head_text(const struct logger *l, const struct log_line *newest, struct str *out) {
    json_t *head = json_object();
    err e = head ? fill_head(l, newest, head) : fail(ERR_MEMORY, "out of memory for the state");
    if (e == ERR_OK) e = json_text(head, JSON_TEXT_PRETTY | JSON_TEXT_SORTED, out);
    json_decref(head);
    return e;
}

static err write_all(const struct logger *l, const struct str *head, struct history *h) {
    static const char list[] = "\"log_history\": [";
    struct log_fold fold;
    const char *at = strstr(str_text(head), list);
    BUG_IF(!at);
    const size_t before = (size_t)(at - head->data) + sizeof list - 1;
    TRY(write_text(h, head->data, before));
    TRY(log_replay(l->run, &fold, write_line, h));
    if (h->any) TRY(write_text(h, "\n  ", 3));
    return write_text(h, head->data + before, head->len - before);
}

static err flush(struct logger *l, const struct log_line *newest) {
    struct history h = {.writer = {.fd = -1}};
    struct str head = {0};
    err e = head_text(l, newest, &head);
    if (e == ERR_OK) e = file_writer_open(&h.writer, l->path);
    if (e == ERR_OK) e = write_all(l, &head, &h);
    if (e == ERR_OK)
        e = file_writer_commit(&h.writer);
    else
        file_writer_abort(&h.writer);
    str_release(&head);
    return e;
}

static err begin(struct logger *l, const struct log_line *newest) {
    l->path = path_join(l->run->dir, "trainer_state.json");
    return l->path ? flush(l, newest) : ERR_MEMORY;
}

const struct logger_kind trainer_state_logger = {
    .name = "trainer_state",
    .summary = "trainer_state.json with the whole history, as the HF trainer writes it",
    .always = true,
    .begin = begin,
    .flush = flush,
};
