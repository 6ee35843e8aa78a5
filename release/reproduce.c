/* SPDX-License-Identifier: Apache-2.0
 * What tells a difference's origin (release/reproduce.h): the datasets' manifests where other rows
 * went in, the settings that the record begins with and the numbers beside the chain where the rows
 * are the same.
 * Read next: trainer/record.h, docs/reproduce.md. */
#include "release/reproduce.h"
#include <inttypes.h>
#include <string.h>

static err set_text(struct str *to, const char *text) {
    str_clear(to);
    return str_add(to, text);
}

static err set_number(struct str *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    str_clear(to);
    return str_printf(to, "%.17g (%016" PRIx64 ")", value, bits);
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- other rows ---- */

const char *difference_source(const json_t *theirs, const json_t *ours) {
    const json_t *a = json_object_get(theirs, "sources"), *b = json_object_get(ours, "sources");
    size_t i;
    json_t *source;
    json_array_foreach((json_t *)b, i, source) {
        const json_t *was = json_array_get(a, i);
        if (strcmp(json_text_of(was, "sha256"), json_text_of(source, "sha256")) != 0)
            return json_text_of(source, "name");
    }
    return NULL;
}

/* Rows in training and validation, as counts. */
static bool same_counts(const json_t *theirs, const json_t *ours) {
    const json_t *a = json_object_get(theirs, "splits"), *b = json_object_get(ours, "splits");
    size_t i;
    json_t *split;
    bool same = json_array_size(a) == json_array_size(b);
    json_array_foreach((json_t *)b, i, split) same =
        same && json_int_of(json_array_get(a, i), "rows") == json_int_of(split, "rows");
    return same;
}

static const json_t *file_of(const json_t *data, const char *name) {
    return json_object_get(json_object_get(data, "files"), name);
}

/* The rows that are trained, in the order in which they are stored. */
static bool same_shards(const json_t *theirs, const json_t *ours) {
    const json_t *files = json_object_get(ours, "files");
    const char *name;
    json_t *hash;
    json_object_foreach((json_t *)files, name, hash) {
        if (!str_starts(name, "train/tokens-")) continue;
        if (!json_equal(file_of(theirs, name), hash)) return false;
    }
    return true;
}

static err explain_batch(const struct reproduce_facts *f, const struct step_record *theirs,
                         const struct step_record *ours, struct difference *d) {
    const json_t *a = f->their_data, *b = f->our_data;
    const char *source = difference_source(a, b);
    const json_int_t was = json_int_of(a, "seed"), is = json_int_of(b, "seed");
    if (source) {
        d->kind = "data";
        return str_printf(&d->says,
                          "other rows: source '%s' is not the file that the dataset was made of",
                          source);
    }
    if (was != is) {
        d->kind = "seed";
        return str_printf(&d->says,
                          "the rows are drawn and ordered by another seed: the recipe's train.seed "
                          "is %" JSON_INTEGER_FORMAT
                          ", the dataset was made with %" JSON_INTEGER_FORMAT,
                          is, was);
    }
    if (f->some_rows) {
        d->kind = "data";
        return str_add(&d->says, "other rows, while other steps have the right ones: the sources "
                                 "and what the dataset's manifest says of them changed together");
    }
    const bool same = same_shards(a, b);
    if (same ? theirs->rows == ours->rows : same_counts(a, b)) {
        d->kind = "seed";
        return str_add(&d->says,
                       "the sources are the same, and their rows are drawn or ordered otherwise: "
                       "train.seed is not the one that was trained with");
    }
    d->kind = !same ? "data" : strcmp(f->their_version, f->our_version) ? "version" : "recipe";
    return str_printf(&d->says,
                      "the sources are the same, and other rows are made of them (this step has "
                      "%lld of %lld tokens, the record %lld of %lld): a setting of '%s' is not the "
                      "one that was trained with",
                      (long long)ours->rows, (long long)ours->tokens, (long long)theirs->rows,
                      (long long)theirs->tokens, same ? "train" : "data");
}

/* ---- the same rows, other numbers ---- */

/* Which settings can have done it, by the first number that they reach. */
static err explain_settings(const struct step_record *theirs, const struct step_record *ours,
                            struct difference *d) {
    d->kind = "recipe";
    if (!same_bits(theirs->lr, ours->lr))
        return str_printf(&d->says,
                          "a hyper-parameter: the learning rate of this step is %.9g and was %.9g "
                          "(train.learning_rate, lr_scheduler, warmup_steps, warmup_ratio, "
                          "max_steps, num_epochs)",
                          ours->lr, theirs->lr);
    if (strcmp(d->part, "loss") == 0)
        return str_add(&d->says, "a setting of the model or the adapter (adapter, train.isolate, "
                                 "weight_dtype, neftune_noise_alpha, seed)");
    if (!same_bits(theirs->gradient_norm, ours->gradient_norm))
        return str_add(&d->says, "a setting that reaches the gradients (adapter, train.freeze, "
                                 "train_only, gradient_dtype)");
    return str_add(&d->says, "a hyper-parameter of the update: batch, loss and gradient are equal "
                             "(train.optimizer, weight_decay, adam_beta1, adam_beta2, "
                             "adam_epsilon, max_grad_norm)");
}

static bool other_backend(const struct reproduce_facts *f) {
    return f->their_backend && strcmp(f->their_backend, f->our_backend) != 0;
}

static err explain_numbers(const struct reproduce_facts *f, const struct step_record *theirs,
                           const struct step_record *ours, struct difference *d) {
    const bool update_alone = same_bits(theirs->loss, ours->loss) &&
                              same_bits(theirs->gradient_norm, ours->gradient_norm);
    if (!f->same_settings || !same_bits(theirs->lr, ours->lr))
        return explain_settings(theirs, ours, d);
    if (strcmp(f->their_version, f->our_version) != 0 || other_backend(f)) {
        d->kind = "version";
        return str_printf(&d->says,
                          "the same rows and settings: it was trained with cotrain %s on %s, and "
                          "this is %s on %s",
                          f->their_version, f->their_backend ? f->their_backend : "?",
                          f->our_version, f->our_backend);
    }
    d->kind = "numeric";
    return str_printf(&d->says,
                      "the same rows%s, settings, version and backend (%s) give other numbers%s",
                      update_alone ? ", loss" : "", f->our_backend,
                      strcmp(f->our_backend, "cpu") == 0
                          ? "; on the CPU they must not"
                          : "; they are the same on GPUs of one architecture alone");
}

err difference_find(const struct reproduce_facts *f, const struct step_record *theirs,
                    const struct step_record *ours, struct difference *out) {
    *out = (struct difference){0};
    if (strcmp(theirs->batch, ours->batch) != 0) {
        out->part = "batch";
        TRY(set_text(&out->expected, theirs->batch));
        TRY(set_text(&out->found, ours->batch));
        return explain_batch(f, theirs, ours, out);
    }
    if (!same_bits(theirs->loss, ours->loss)) {
        out->part = "loss";
        TRY(set_number(&out->expected, theirs->loss));
        TRY(set_number(&out->found, ours->loss));
        return explain_numbers(f, theirs, ours, out);
    }
    if (strcmp(theirs->update, ours->update) != 0) {
        out->part = "update";
        TRY(set_text(&out->expected, theirs->update));
        TRY(set_text(&out->found, ours->update));
        return explain_numbers(f, theirs, ours, out);
    }
    if (strcmp(theirs->digest, ours->digest) == 0) return ERR_OK;
    out->part = "digest";
    out->kind = "recipe";
    TRY(set_text(&out->expected, theirs->digest));
    TRY(set_text(&out->found, ours->digest));
    return str_add(&out->says,
                   "rows, loss and update are equal, and the record begins with other "
                   "settings, or another evaluation: a key of 'train' or 'adapter' that "
                   "changes no weight of this step");
}

void difference_clear(struct difference *d) {
    str_release(&d->expected);
    str_release(&d->found);
    str_release(&d->says);
    *d = (struct difference){0};
}
