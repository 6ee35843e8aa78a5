/* SPDX-License-Identifier: Apache-2.0
 * TensorBoard's event files, with the tags that the HF trainer's users chart.
 *   record    u64 length, u32 masked(CRC of those 8 bytes), the event, u32 masked(CRC of the event)
 *   masked(c) = (c rotated right by 15) + 0xa282ead8; CRC-32C; all little endian
 *   Event     {1 double wall_time, 2 int64 step, 3 string file_version, 5 Summary, 7 SessionLog}
 *   Summary   {1 Value {1 string tag, 2 float simple_value}, ...}; SessionLog {1 status, START 1}
 * Source: TensorFlow's record_writer and event.proto. While a run goes on its events go to
 * runs/events.out.tfevents.<time>.cotrain.<process>.<step>; where it goes on after an interruption,
 * or begins again, to a new file. Each file's START takes back the steps that are done again. The
 * host's name is nobody's business: all hosts are called cotrain. When the run is over,
 * tensorboard.events has it from its first step to its last, for the release.
 * Read next: trainer/loggers/logger.h. */
#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/loggers/logger.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 }; /* wire types of a field */

static uint32_t crc32c(const void *data, size_t n) {
    const uint8_t *bytes = data;
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < n; i++) {
        c ^= bytes[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82F63B78 : c >> 1;
    }
    return ~c;
}

static uint32_t masked(const void *data, size_t n) {
    const uint32_t c = crc32c(data, n);
    return (c >> 15 | c << 17) + 0xA282EAD8;
}

static err add_varint(uint64_t value, struct str *out) {
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return str_append(out, bytes, n);
}

static err add_tag(int field, int type, struct str *out) {
    return add_varint((uint64_t)(field << 3 | type), out);
}

static err add_double(int field, double value, struct str *out) {
    uint8_t bytes[8];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_put_little(bytes, 8, bits);
    TRY(add_tag(field, FIXED_64, out));
    return str_append(out, bytes, sizeof bytes);
}

static err add_float(int field, double value, struct str *out) {
    const float narrow = (float)value;
    uint8_t bytes[4];
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    bytes_put_little(bytes, 4, bits);
    TRY(add_tag(field, FIXED_32, out));
    return str_append(out, bytes, sizeof bytes);
}

static err add_bytes(int field, const void *data, size_t n, struct str *out) {
    TRY(add_tag(field, BYTES, out));
    TRY(add_varint(n, out));
    return str_append(out, data, n);
}

/* ---- events ---- */

static err add_record(const struct str *event, struct str *out) {
    uint8_t head[12], tail[4];
    bytes_put_little(head, 8, event->len);
    bytes_put_little(head + 8, 4, masked(head, 8));
    bytes_put_little(tail, 4, masked(event->data, event->len));
    TRY(str_append(out, head, sizeof head));
    TRY(str_append(out, event->data, event->len));
    return str_append(out, tail, sizeof tail);
}

/* One event that says `what` in field `field`. */
static err add_event(double time, int64_t step, int field, const struct str *what,
                     struct str *out) {
    struct str event = {0};
    err e = add_double(1, time, &event);
    if (e == ERR_OK && step > 0) e = add_tag(2, VARINT, &event);
    if (e == ERR_OK && step > 0) e = add_varint((uint64_t)step, &event);
    if (e == ERR_OK) e = add_bytes(field, str_text(what), what->len, &event);
    if (e == ERR_OK) e = add_record(&event, out);
    str_release(&event);
    return e;
}

static err add_version(double time, struct str *out) {
    const struct str version = {.data = "brain.Event:2", .len = 13};
    return add_event(time, 0, 3, &version, out);
}

/* Steps from `step` on that stand in earlier files do not count any more. */
static err add_start(double time, int64_t step, struct str *out) {
    const struct str start = {.data = "\x08\x01", .len = 2};
    return add_event(time, step, 7, &start, out);
}

static err add_value(const char *tag, double value, struct str *summary) {
    struct str one = {0};
    err e = add_bytes(1, tag, strlen(tag), &one);
    if (e == ERR_OK) e = add_float(2, value, &one);
    if (e == ERR_OK) e = add_bytes(1, str_text(&one), one.len, summary);
    str_release(&one);
    return e;
}

static err add_score(void *ctx, const char *name, double value) {
    struct str tag = {0};
    err e = str_printf(&tag, "eval/%s", name);
    if (e == ERR_OK) e = add_value(str_text(&tag), value, ctx);
    str_release(&tag);
    return e;
}

static err fill_summary(const struct log_line *l, struct str *out) {
    const double rate = l->eval_seconds > 0 ? l->eval_rows / l->eval_seconds : 0;
    const struct {
        const char *tag;
        double value;
        bool there;
    } values[] = {
        {"train/loss", l->loss_mean, l->logged},
        {"train/grad_norm", l->gradient_norm, l->logged},
        {"train/learning_rate", l->lr, l->logged},
        {"train/epoch", l->epoch, l->logged},
        {"train/global_step", (double)l->step, l->logged},
        {"train/tokens_per_second", l->tokens_per_second, l->logged},
        {"train/product_peak_share", l->of_peak, l->logged && l->of_peak > 0},
        {"train/memory_bytes", l->memory_bytes, l->logged && l->memory_bytes > 0},
        {"eval/runtime", l->eval_seconds, l->evaluated},
        {"eval/samples_per_second", rate, l->evaluated},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i].there) TRY(add_value(values[i].tag, values[i].value, out));
    return l->evaluated ? log_scores(l, add_score, out) : ERR_OK;
}

static err add_line(const struct log_line *l, struct str *out) {
    struct str summary = {0};
    if (!l->logged && !l->evaluated) return ERR_OK;
    err e = fill_summary(l, &summary);
    if (e == ERR_OK) e = add_event(l->time, l->step, 5, &summary, out);
    str_release(&summary);
    return e;
}

/* ---- files ---- */

/* The file of this part of the run, named when its first step is there: a run that has nothing left
 * to do leaves none. */
static err open_part(struct logger *l, const struct log_line *line, struct str *out) {
    struct str name = {0};
    char *folder = path_join(l->run->dir, "runs");
    err e = folder ? dir_make(folder) : ERR_MEMORY;
    if (e == ERR_OK)
        e = str_printf(&name, "events.out.tfevents.%lld.cotrain.%lld.%" PRId64,
                       (long long)line->time, (long long)getpid(), line->step);
    if (e == ERR_OK) {
        l->path = path_join(folder, str_text(&name));
        e = l->path ? add_version(line->time, out) : ERR_MEMORY;
    }
    if (e == ERR_OK) e = add_start(line->time, line->step, out);
    str_release(&name);
    mem_free(folder);
    return e;
}

static err step(struct logger *l, const struct log_line *line) {
    struct str bytes = {0};
    err e = l->path ? ERR_OK : open_part(l, line, &bytes);
    if (e == ERR_OK) e = add_line(line, &bytes);
    if (e == ERR_OK && bytes.len > 0) e = file_append(l->path, bytes.data, bytes.len);
    str_release(&bytes);
    return e;
}

static err flush(struct logger *l, const struct log_line *newest) {
    (void)newest;
    return l->path ? file_flush(l->path) : ERR_OK;
}

static err write_line(void *ctx, const struct log_line *line) {
    struct str bytes = {0};
    err e = line->step == 1 ? add_version(line->time, &bytes) : ERR_OK;
    if (e == ERR_OK) e = add_line(line, &bytes);
    if (e == ERR_OK) e = file_writer_write(ctx, str_text(&bytes), bytes.len);
    str_release(&bytes);
    return e;
}

static err end(struct logger *l) {
    struct file_writer w;
    struct log_fold fold;
    char *path = path_join(l->run->dir, "tensorboard.events");
    err e = path ? file_writer_open(&w, path) : ERR_MEMORY;
    mem_free(path);
    TRY(e);
    e = log_replay(l->run, &fold, write_line, &w);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

const struct logger_kind tensorboard_logger = {
    .name = "tensorboard",
    .summary = "runs/, event files for TensorBoard, with the HF trainer's tags",
    .step = step,
    .flush = flush,
    .end = end,
};
