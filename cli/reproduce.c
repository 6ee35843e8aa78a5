/* SPDX-License-Identifier: Apache-2.0
 * Making a release again (cli/reproduce.h), one thing after the other, cheapest first: the release
 * itself and the base (cli/reproduce_open.c), the sources, the dataset, the rows of all steps, then
 * the training, and of a whole run the evaluations and the release.
 * Read next: cli/reproduce_steps.c, cli/reproduce_recipe.c. */
#include "cli/reproduce.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/data_stage.h"
#include "cli/eval_stage.h"
#include "cli/relative.h"
#include "cli/release_inputs.h"
#include "cli/release_stage.h"
#include "cli/reproduce_int.h"
#include "release/pack.h"
#include "release/previous.h"
#include "release/sources.h"
#include "release/states.h"
#include <stdio.h>
#include <string.h>

/* ---- recipe and data ---- */

static err restore_sources(struct again *a) {
    char *to = path_join(a->work.dir, "sources");
    if (!to) return ERR_MEMORY;
    a->missing = json_object();
    err e = a->missing ? sources_restore(&(struct sources_restore){.dir = a->options->dir,
                                                                   .given = a->options->given,
                                                                   .to = to},
                                         a->sources, a->missing)
                       : fail(ERR_MEMORY, "out of memory for the sources");
    mem_free(to);
    return e;
}

/* What the release carries word for word stays as it is: packed again, it is the same file. */
static err take_texts(struct again *a) {
    struct str text = {0};
    char *path = path_join(a->options->dir, PACK_RECIPE);
    err e = path ? file_read(path, YAML_MAX_BYTES, &text) : ERR_MEMORY;
    if (e == ERR_OK) a->recipe.resolved = arena_strdup(a->arena, str_text(&text));
    if (e == ERR_OK && !a->recipe.resolved) e = ERR_MEMORY;
    snprintf(a->recipe.base_digest, sizeof a->recipe.base_digest, "%s",
             json_text_of(a->chain, "base"));
    str_release(&text);
    mem_free(path);
    return e;
}

static err read_recipe(struct again *a) {
    struct str base = {0};
    const char *path = arena_printf(a->arena, "%s/recipe.yaml", a->work.dir);
    if (!path) return ERR_MEMORY;
    err e = relative_path(a->work.dir, a->base, &base);
    const struct reproduce_recipe how = {.dir = a->options->dir,
                                         .base = str_text(&base),
                                         .datasets = a->options->datasets,
                                         .manifest = a->facts.manifest,
                                         .sources = a->sources,
                                         .missing = a->missing,
                                         .path = path};
    if (e == ERR_OK) e = reproduce_recipe_write(&how, &a->how);
    str_release(&base);
    TRY(e);
    TRY(chain_read(&a->recipe, path, NULL));
    a->has_recipe = true;
    return take_texts(a);
}

static err find_backends(struct again *a) {
    struct compute c;
    TRY(compute_describe(&c, a->options->device));
    a->why = (struct reproduce_facts){
        .their_data = a->their_data,
        .our_data = a->our_data,
        .their_version = str_text(&a->version),
        .our_version = COTRAIN_VERSION,
        .their_backend = json_string_value(json_object_get(a->their_plan, "backend")),
        .our_backend = c.backend->name,
        .same_settings = true};
    compute_close(&c);
    return ERR_OK;
}

static err build_data(struct again *a) {
    char digest[SHA256_HEX_SIZE];
    const char *wanted = json_text_of(a->chain, "dataset");
    TRY(data_stage(&a->recipe, a->work.data, a->work.cache));
    TRY(again_read(a->work.data, "manifest.json", &a->our_data));
    char *path = path_join(a->work.data, "manifest.json");
    err e = path ? sha256_file(path, digest) : ERR_MEMORY;
    mem_free(path);
    TRY(e);
    TRY(json_put(a->report, "dataset", json_string(digest)));
    TRY(find_backends(a));
    const long long n = (long long)json_array_size(json_object_get(a->our_data, "sources"));
    if (strcmp(digest, wanted) == 0)
        return again_say(a, "data", "built again from %lld sources: the same dataset, %s", n,
                         digest);
    if (!a->how.evaluates && json_object_size(a->missing) > 0)
        return again_say(a, "data", "built again from %lld sources, without what is withheld (%s)",
                         n, a->how.why_not);
    return again_say(a, "data", "built again from %lld sources: another dataset, %s, not %s", n,
                     digest, wanted);
}

/* The dataset is another although all rows are as they were. */
static err explain_dataset(struct again *a) {
    const json_t *files = json_object_get(a->our_data, "files");
    const char *name, *other = "manifest.json";
    json_t *hash;
    json_object_foreach(
        (json_t *)files, name,
        hash) if (!json_equal(hash, json_object_get(json_object_get(a->their_data, "files"), name)))
        other = name;
    a->difference.kind = "data";
    a->difference.part = "dataset";
    return str_printf(&a->difference.says,
                      "every row that is compared is as it was, and '%s' of the dataset is another",
                      other);
}

static bool has_difference(const struct again *a) {
    return a->difference.kind != NULL;
}

static err compare_data(struct again *a) {
    const char *digest = json_text_of(a->report, "dataset");
    TRY(again_batches(a));
    if (has_difference(a)) return ERR_OK;
    TRY(again_say(a, "rows", "those of steps %lld to %lld are the same", (long long)a->from + 1,
                  (long long)a->last));
    if (strcmp(digest, json_text_of(a->chain, "dataset")) == 0 || json_object_size(a->missing) > 0)
        return ERR_OK;
    return explain_dataset(a);
}

/* ---- training ---- */

/* Bits are the same within a backend; how far apart others may be nobody can say beforehand. */
static err check_backend(const struct again *a) {
    const struct reproduce_facts *w = &a->why;
    if (!w->their_backend || strcmp(w->their_backend, w->our_backend) == 0) return ERR_OK;
    err e = fail(ERR_UNSUPPORTED,
                 "it was trained on '%s', and this is '%s': losses and updates cannot be equal, "
                 "and there is no bound that would hold for every step",
                 w->their_backend, w->our_backend);
    return fail_hint(e,
                     "its data and the rows of every step were compared, and are the same; for "
                     "the rest use --device %s%s",
                     w->their_backend,
                     str_starts(w->their_backend, "cpu") ? ""
                                                         : " on a GPU of the same architecture");
}

/* The record up to the state that is gone on from, where the trainer looks for it. */
static err restore_record(struct again *a) {
    struct line_reader r;
    struct str kept = {0};
    bool more = true;
    TRY(line_reader_open(&r, a->log, 1 << 20));
    err e = ERR_OK;
    for (int64_t step = 0; step < a->from && e == ERR_OK; step++) {
        e = line_reader_next(&r, &more);
        if (e == ERR_OK) e = str_append(&kept, r.line, r.len);
        if (e == ERR_OK) e = str_add(&kept, "\n");
    }
    line_reader_close(&r);
    if (e == ERR_OK) e = file_write(a->work.log, str_text(&kept), kept.len);
    str_release(&kept);
    return e;
}

static err train_again(struct again *a) {
    TRY(check_backend(a));
    if (a->from > 0) {
        TRY(states_restore(a->options->dir, a->from, a->work.train));
        TRY(restore_record(a));
    }
    TRY(again_train(a));
    if (has_difference(a)) return ERR_OK;
    if (a->compared < a->last) {
        a->different_step = a->compared + 1;
        a->difference.kind = "recipe";
        a->difference.part = "steps";
        return str_printf(&a->difference.says, "training ends after step %lld",
                          (long long)a->compared);
    }
    struct str from = {0};
    err e = a->from > 0 ? str_printf(&from, "from the state after step %lld", (long long)a->from)
                        : str_add(&from, "from the first step");
    if (e == ERR_OK)
        e = again_say(a, "steps", "%lld to %lld of %lld, %s: every loss and update is the same",
                      (long long)a->first, (long long)a->last, (long long)a->record.n,
                      str_text(&from));
    str_release(&from);
    return e;
}

/* ---- evaluation and release ---- */

static bool same_version(const struct again *a) {
    return strcmp(a->why.their_version, a->why.our_version) == 0;
}

static err evaluate(struct again *a, const char *model, const char *path, const char *key) {
    struct eval_stage stage = {.chain = &a->recipe,
                               .options = &a->recipe.eval,
                               .model_dir = model,
                               .dataset_dir = a->work.data,
                               .device = a->options->device};
    char hash[SHA256_HEX_SIZE];
    json_t *report = NULL;
    TRY(eval_stage(&stage, &report));
    err e = json_write_file(path, report);
    json_decref(report);
    if (e == ERR_OK) e = sha256_file(path, hash);
    if (e != ERR_OK || strcmp(hash, json_text_of(a->chain, key)) == 0) return e;
    a->difference.kind = same_version(a) ? "numeric" : "version";
    a->difference.part = key;
    TRY(str_add(&a->difference.expected, json_text_of(a->chain, key)));
    TRY(str_add(&a->difference.found, hash));
    return str_add(&a->difference.says,
                   same_version(a)
                       ? "the model is the same, and its evaluation is another"
                       : "the model is the same, and another version evaluated it otherwise");
}

/* Which file of the release packed again is another. */
static err explain_release(struct again *a) {
    json_t *ours = NULL, *row;
    size_t i;
    TRY(again_read(a->work.release, "manifest.json", &ours));
    const char *other = "manifest.json";
    const json_t *theirs = json_object_get(a->facts.manifest, "files");
    json_array_foreach(json_object_get(ours, "files"), i, row) {
        if (json_equal(json_array_get(theirs, i), row)) continue;
        other = json_text_of(row, "path");
        break;
    }
    a->difference.kind = same_version(a) ? "numeric" : "version";
    a->difference.part = "release";
    err e = str_printf(&a->difference.says,
                       "the model is the same, and its release is packed otherwise, '%s' first "
                       "(cotrain %s made it, and this is %s)",
                       other, a->why.their_version, a->why.our_version);
    json_decref(ours);
    return e;
}

static err pack_again(struct again *a) {
    struct release_inputs inputs;
    char hash[SHA256_HEX_SIZE];
    TRY(work_open(&a->work, a->work.dir, a->recipe.release.name, a->arena));
    TRY(release_inputs_list(&a->recipe, a->work.data, a->how.n_made, a->arena, &inputs));
    const char *plan = arena_printf(a->arena, "%s/" PACK_TRAINING_PLAN, a->options->dir);
    const char *record = arena_printf(a->arena, "%s/" PREVIOUS_FILE, a->options->dir);
    if (!plan || !record) return ERR_MEMORY;
    /* What it says of the release before is made again where that one is named, else taken over. */
    const bool follows = file_exists(record);
    if (follows) a->recipe.release.previous = a->options->previous;
    struct release_stage stage = {.chain = &a->recipe,
                                  .work = &a->work,
                                  .out_dir = a->work.release,
                                  .inputs = &inputs,
                                  .plan = file_exists(plan) ? plan : NULL,
                                  .previous_of = a->options->dir};
    TRY(release_stage(&stage, hash));
    if (strcmp(hash, a->facts.hash) != 0) {
        TRY(str_add(&a->difference.expected, a->facts.hash));
        TRY(str_add(&a->difference.found, hash));
        return explain_release(a);
    }
    return again_say(a, "packed", "again from all this%s: the same release, hash and all",
                     follows && !a->options->previous
                         ? " and its record of the release before (--previous makes that, too)"
                         : "");
}

static err finish(struct again *a) {
    if (a->options->steps)
        return again_say(a, "rest", "not looked at: other steps, the evaluations, the release");
    if (!a->how.evaluates)
        return again_say(a, "rest", "the evaluations and the release cannot be made again: %s",
                         a->how.why_not);
    TRY(dir_make(a->work.eval));
    TRY(evaluate(a, a->base, a->work.before, "eval_before"));
    if (!has_difference(a)) TRY(evaluate(a, a->work.merged, a->work.after, "eval_after"));
    if (has_difference(a)) return ERR_OK;
    TRY(again_say(a, "eval", "both evaluations give the same reports"));
    return pack_again(a);
}

/* ---- the whole ---- */

static err put_difference(struct again *a) {
    const struct difference *d = &a->difference;
    const char *samples = json_text_of(a->report, "samples");
    struct str where = {0};
    json_t *item =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "step", (json_int_t)a->different_step, "kind",
                  d->kind, "part", d->part, "expected", str_text(&d->expected), "found",
                  str_text(&d->found), "says", str_text(&d->says));
    TRY(json_put(a->report, "difference", item));
    err e = a->different_step > 0 ? str_printf(&where, "step %lld, ", (long long)a->different_step)
                                  : ERR_OK;
    if (e == ERR_OK)
        e = str_printf(a->text, "differs  %s%s (%s): %s\n", str_text(&where), d->part, d->kind,
                       str_text(&d->says));
    if (e == ERR_OK && d->expected.len > 0)
        e = str_printf(a->text, "         expected %s\n         came     %s\n",
                       str_text(&d->expected), str_text(&d->found));
    if (e == ERR_OK && samples[0])
        e = str_printf(a->text, "         samples of the step: %s\n", samples);
    if (e == ERR_OK)
        e = fail(ERR_GATE, "release '%s' is not what its recipe gives: %s%s (%s)", a->options->dir,
                 str_text(&where), d->part, d->kind);
    str_release(&where);
    return e;
}

static err make_again(struct again *a) {
    TRY(again_open(a));
    TRY(restore_sources(a));
    TRY(read_recipe(a));
    TRY(build_data(a));
    TRY(compare_data(a));
    if (!has_difference(a)) TRY(train_again(a));
    if (!has_difference(a)) TRY(finish(a));
    TRY(json_put(a->report, "equal", json_boolean(!has_difference(a))));
    err e = has_difference(a) ? put_difference(a) : ERR_OK;
    if (e != ERR_OK && e != ERR_GATE) return e;
    struct err_kept kept;
    err_keep(&kept);
    char *path = path_join(a->work.dir, REPRODUCE_REPORT);
    err written = path ? json_write_file(path, a->report) : ERR_MEMORY;
    mem_free(path);
    if (written != ERR_OK) return written;
    err_put_back(&kept);
    return e;
}

err reproduce(const struct reproduce_options *o, struct arena *arena, json_t *report,
              struct str *text) {
    struct again a = {.options = o, .arena = arena, .report = report, .text = text};
    err e = json_put(report, "release", json_string(o->dir));
    if (e == ERR_OK) e = json_put(report, "findings", json_array());
    if (e == ERR_OK) e = make_again(&a);
    if (a.has_recipe) chain_release(&a.recipe);
    difference_clear(&a.difference);
    step_list_release(&a.record);
    str_release(&a.version);
    json_decref(a.sources);
    json_decref(a.missing);
    json_decref(a.their_data);
    json_decref(a.our_data);
    json_decref(a.their_plan);
    release_facts_clear(&a.facts);
    return e;
}
