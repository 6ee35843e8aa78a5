/* SPDX-License-Identifier: Apache-2.0
 * Limits, tables and use of memory as text and JSON (cli/memory.h). Everything is in bytes; people
 * read MiB and GiB.
 * Read next: cli/machine.c, which asks the system. */
#include "cli/memory.h"

#include "cli/machine.h"

#include <stdio.h>

/* Of what is available, this share stays free: other programs live, too. */
enum { MARGIN_SHARE = 16 };

static err device_memory_left(const char *device, int64_t *out) {
    struct compute c;
    size_t left = 0, total = 0;
    err e = compute_open(&c, device);
    if (e != ERR_OK) /* anew, without the hint that there is */
        return fail_hint(fail(e, "what the GPU has left is not known: %s", err_message()),
                         "--memory 80GB plans for a GPU that is not here");
    e = c.backend->memory_left(&c, &left, &total);
    compute_close(&c);
    *out = (int64_t)left;
    return e;
}

err memory_limit_find(int64_t given, const char *device, struct memory_limit *out) {
    struct compute c;
    *out = (struct memory_limit){given, given > 0, false};
    TRY(compute_describe(&c, device));
    out->device = !c.backend->host_memory;
    compute_close(&c);
    if (out->given) return ERR_OK;
    TRY(out->device ? device_memory_left(device, &out->bytes) : machine_memory_left(&out->bytes));
    out->bytes = out->bytes < 0 ? INT64_MAX : out->bytes - out->bytes / MARGIN_SHARE;
    return ERR_OK;
}

bool memory_fits(const struct memory_limit *limit, const struct fit *fit) {
    int64_t needed = fit_resident_bytes(fit);
    if (!limit->given) needed -= fit->mapped_bytes;
    return needed <= limit->bytes;
}

err memory_refuse(const struct memory_limit *limit, const struct fit *fit) {
    char needed[MEMORY_TEXT_SIZE], allowed[MEMORY_TEXT_SIZE];
    const int64_t bytes = fit_resident_bytes(fit);
    return fail(ERR_LIMIT, "training needs %lld bytes (%s) of memory, and %s %lld (%s)",
                (long long)bytes, memory_text(bytes, needed),
                limit->given    ? "--memory allows"
                : limit->device ? "the GPU has"
                                : "this machine has",
                (long long)limit->bytes, memory_text(limit->bytes, allowed));
}

const char *memory_text(int64_t bytes, char out[MEMORY_TEXT_SIZE]) {
    const double mib = (double)bytes / 1048576.0;
    if (mib < 1024)
        snprintf(out, MEMORY_TEXT_SIZE, "%.1f MiB", mib);
    else
        snprintf(out, MEMORY_TEXT_SIZE, "%.2f GiB", mib / 1024);
    return out;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

err memory_recompute_text(const struct fit *fit, int64_t n_layers, struct str *out) {
    const struct recompute *r = &fit->recompute;
    const int64_t layers = least(r->layers, n_layers),
                  inner = least(r->feed_forwards, n_layers - layers);
    if (layers + inner == 0 && !r->logits) return str_add(out, "nothing");
    const char *between = "";
    if (layers > 0) {
        TRY(str_printf(out, "%lld of %lld layers", (long long)layers, (long long)n_layers));
        between = ", ";
    }
    if (inner > 0) {
        TRY(str_printf(out, "%s%lld of %lld feed-forwards", between, (long long)inner,
                       (long long)n_layers));
        between = ", ";
    }
    if (r->logits) TRY(str_printf(out, "%slogits", between));
    return str_printf(out, ": %.1f %% more multiplications", 100 * fit_again_share(fit));
}

static err table_row(struct str *out, const char *what, int64_t bytes, const char *note) {
    return str_printf(out, "%-12s %12.1f MiB%s%s\n", what, (double)bytes / 1048576.0,
                      note[0] ? "  " : "", note);
}

err memory_table(const struct plan *p, const struct fit *fit, int64_t n_layers, struct str *out) {
    const bool device = fit->program_bytes == FIT_CONTEXT_BYTES;
    for (int kind = 0; kind < PLAN_HOST; kind++)
        TRY(table_row(out, plan_kind_name((enum plan_kind)kind),
                      (int64_t)plan_bytes(p, (enum plan_kind)kind), ""));
    if (device) {
        TRY(table_row(out, "planned", fit->planned_bytes, "in one allocation on the GPU"));
        TRY(table_row(out, "context", fit->program_bytes,
                      "code and libraries there: an allowance"));
        if (fit->eval_bytes > 0)
            TRY(table_row(out, "evaluation", fit->eval_bytes, "a decoder, while tasks are asked"));
        TRY(table_row(out, "device", fit_resident_bytes(fit), "all of it"));
        TRY(table_row(out, "host", fit->host_bytes, "pinned; checkpoint pages come and go"));
    } else {
        TRY(table_row(out, "planned", fit->planned_bytes, "in one allocation"));
        TRY(table_row(out, "mapped", fit->mapped_bytes,
                      "weights read where the checkpoint has them"));
        TRY(table_row(out, "program", fit->program_bytes,
                      "code, libraries and heap: an allowance"));
        if (fit->eval_bytes > 0)
            TRY(table_row(out, "evaluation", fit->eval_bytes,
                          "a decoder, a tokenizer and texts, while tasks are asked"));
        TRY(table_row(out, "resident", fit_resident_bytes(fit), "all of it"));
    }
    TRY(str_printf(out, "%-12s ", "made again"));
    TRY(memory_recompute_text(fit, n_layers, out));
    return str_add(out, "\n");
}

static err put_bytes(json_t *out, const char *key, int64_t bytes) {
    return json_put(out, key, json_integer((json_int_t)bytes));
}

err memory_json(const struct plan *p, const struct fit *fit, json_t *out) {
    const struct recompute *r = &fit->recompute;
    TRY(plan_json(p, out));
    TRY(put_bytes(out, "program_bytes", fit->program_bytes));
    if (fit->eval_bytes > 0) TRY(put_bytes(out, "eval_bytes", fit->eval_bytes));
    TRY(put_bytes(out, "resident_bytes", fit_resident_bytes(fit)));
    if (fit->program_bytes == FIT_CONTEXT_BYTES)
        TRY(put_bytes(out, "device_bytes", fit_resident_bytes(fit)));
    return json_put(out, "recompute",
                    json_pack("{s:I, s:I, s:b, s:f}", "layers", (json_int_t)r->layers,
                              "feed_forwards", (json_int_t)r->feed_forwards, "logits", r->logits,
                              "more_multiplications", fit_again_share(fit)));
}

/* ---- what a run held ---- */

err memory_use_start(struct memory_use *u) {
    struct process_memory now;
    TRY(process_memory(&now));
    *u = (struct memory_use){.before_bytes = now.anonymous_bytes};
    return ERR_OK;
}

err memory_use_look(struct memory_use *u) {
    struct process_memory now;
    TRY(process_memory(&now));
    if (now.anonymous_bytes > u->most_bytes) u->most_bytes = now.anonymous_bytes;
    u->now_bytes =
        now.anonymous_bytes > u->before_bytes ? now.anonymous_bytes - u->before_bytes : 0;
    return ERR_OK;
}

err memory_use_text(const struct memory_use *u, const struct fit *fit, struct str *out) {
    char planned[MEMORY_TEXT_SIZE], used[MEMORY_TEXT_SIZE];
    struct process_memory now;
    const int64_t anonymous = u->most_bytes - u->before_bytes;
    const int64_t wanted = fit->planned_bytes + fit->eval_bytes;
    TRY(process_memory(&now));
    if (u->most_bytes == 0) return ERR_OK;       /* the system does not tell, or no step was done */
    if (fit->program_bytes == FIT_CONTEXT_BYTES) /* the plan is not of this memory */
        return str_printf(out, "memory on the host: %s resident at most\n",
                          memory_text(now.peak_resident_bytes, used));
    TRY(str_printf(out, "memory allocated: %s, planned %s (%+.1f %%)\n",
                   memory_text(anonymous, used), memory_text(wanted, planned),
                   100 * ((double)anonymous / (double)wanted - 1)));
    return str_printf(out, "memory resident:  %s at most, planned %s\n",
                      memory_text(now.peak_resident_bytes, used),
                      memory_text(fit_resident_bytes(fit), planned));
}

err memory_use_json(const struct memory_use *u, const struct fit *fit, json_t *out) {
    struct process_memory now;
    TRY(process_memory(&now));
    TRY(put_bytes(out, "planned_bytes", fit->planned_bytes + fit->eval_bytes));
    TRY(put_bytes(out, "anonymous_bytes", u->most_bytes - u->before_bytes));
    TRY(put_bytes(out, "planned_resident_bytes", fit_resident_bytes(fit)));
    return put_bytes(out, "peak_resident_bytes", now.peak_resident_bytes);
}
