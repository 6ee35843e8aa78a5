/* SPDX-License-Identifier: Apache-2.0
 * The notes of training's progress line (cli/train_display.h). They are made only where the line is
 * about to be drawn: a small model does thousands of steps a second.
 * Read next: base/progress.c. */
#include "cli/train_display.h"

#include "cli/memory.h"
#include "cli/terminal.h"
#include <math.h>
#include <stdio.h>

enum { NOTE_SIZE = 80, MAX_NOTES = 8 };

struct notes {
    char text[MAX_NOTES][NOTE_SIZE];
    const char *items[MAX_NOTES];
    int n;
};

static double smooth(struct smoothed *s, double value) {
    const double keep = 0.9;
    s->sum = keep * s->sum + (1 - keep) * value;
    s->weight = keep * s->weight + (1 - keep);
    return s->sum / s->weight;
}

err train_display_start(struct train_display *d, const char *name, int64_t n_steps,
                        int64_t planned_bytes) {
    *d = (struct train_display){.planned_bytes = planned_bytes};
    TRY(str_add(&d->what, "training "));
    TRY(terminal_add_line(name, 0, &d->what));
    progress_start(&d->progress, str_text(&d->what), n_steps);
    return ERR_OK;
}

static char *next_note(struct notes *n) {
    n->items[n->n] = n->text[n->n];
    return n->text[n->n++];
}

static void note_memory(const struct train_display *d, int64_t bytes, struct notes *n) {
    char held[MEMORY_TEXT_SIZE], planned[MEMORY_TEXT_SIZE];
    if (d->planned_bytes == 0 || bytes == 0) return;
    snprintf(next_note(n), NOTE_SIZE, "%s of %s planned", memory_text(bytes, held),
             memory_text(d->planned_bytes, planned));
}

void train_display_step(struct train_display *d, const struct train_report *report) {
    const double loss = smooth(&d->loss, report->loss);
    const double speed =
        report->seconds > 0 ? smooth(&d->speed, (double)report->tokens / report->seconds) : 0;
    const double peak = smooth(&d->peak, report->of_peak);
    struct notes n = {.n = 0};
    if (d->progress.begun == 0) d->progress.begun = report->step - 1;
    if (report->evaluation && !isnan(report->evaluation->loss)) {
        d->eval_loss = report->evaluation->loss;
        d->eval_step = report->step;
    }
    if (!progress_is_due(&d->progress, report->step)) return;
    snprintf(next_note(&n), NOTE_SIZE, "loss %.4f", report->loss);
    snprintf(next_note(&n), NOTE_SIZE, "smoothed %.4f", loss);
    if (d->eval_step > 0)
        snprintf(next_note(&n), NOTE_SIZE, "eval %.4f at %lld", d->eval_loss,
                 (long long)d->eval_step);
    if (speed > 0) snprintf(next_note(&n), NOTE_SIZE, "%.4g tokens/s", speed);
    if (report->of_peak > 0) snprintf(next_note(&n), NOTE_SIZE, "%.0f %% of peak", 100 * peak);
    note_memory(d, report->memory_bytes, &n);
    progress_draw(&d->progress, report->step, n.items, n.n);
}

void train_display_end(struct train_display *d) {
    progress_end(&d->progress);
    str_release(&d->what);
}
