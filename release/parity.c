/* SPDX-License-Identifier: Apache-2.0
 * Parity of what is packed with what was trained (release/parity.h). One model is open at a time
 * but for the adapter's check, which walks two along the same tokens.
 * Read next: release/golden.c, adapters/compare.h. */
#include "release/parity.h"
#include "adapters/compare.h"
#include "base/file.h"
#include "base/mem.h"
#include "release/gguf.h"
#include "release/golden.h"

struct parity {
    const struct release_parity *inputs; /* NULL: a release that is checked */
    const char *packed_dir;
    struct golden golden;
    struct eval_subject packed;
};

static err open_subject(struct eval_subject *s, const char *dir, int64_t max_tokens) {
    return eval_subject_open(s, &(struct eval_subject_options){
                                    .model_dir = dir, .device = "cpu", .max_tokens = max_tokens});
}

static err choose(struct parity *p, struct eval_subject *trained) {
    struct dataset *d = NULL;
    struct eval_cases cases = {0};
    struct golden_source from = {.requests = p->inputs->requests,
                                 .cases = &cases,
                                 .tokenizer = trained->tokenizer,
                                 .max_positions = trained->model.config.max_positions};
    TRY(dataset_open(&d, p->inputs->dataset_dir));
    err result = special_whitespace_parse(dataset_special_whitespace(d), &from.whitespace);
    if (result == ERR_OK) result = eval_cases_load(&cases, p->inputs->requests, d, 1);
    if (result == ERR_OK) result = golden_choose(&p->golden, &from);
    eval_cases_release(&cases);
    dataset_close(d);
    return result;
}

/* The trained model's answers become the golden ones. */
static err ask_trained(struct parity *p) {
    struct eval_subject trained = {0};
    struct golden *g = &p->golden;
    TRY(open_subject(&trained, p->inputs->trained_dir, 0));
    err result = choose(p, &trained);
    struct golden_answer *answers = mem_zalloc((size_t)g->n + 1, sizeof *answers);
    if (result == ERR_OK && answers == NULL) result = ERR_MEMORY;
    if (result == ERR_OK) result = golden_ask(g, &trained, answers);
    for (int64_t i = 0; result == ERR_OK && i < g->n; i++) {
        g->prompts[i].answer = answers[i];
        answers[i] = (struct golden_answer){0};
    }
    golden_answers_clear(answers, g->n);
    mem_free(answers);
    eval_subject_close(&trained);
    return result;
}

/* Another form of the packed model, along its greedy answers: the positions from which the answer's
 * tokens and its end were chosen. */
static err walk(struct parity *p, struct eval_subject *other, struct comparison *c) {
    const struct compared models = {&p->packed.model, &other->model, &other->batch};
    err result = ERR_OK;
    for (int64_t i = 0; i < p->golden.n && result == ERR_OK; i++) {
        const struct golden_prompt *g = &p->golden.prompts[i];
        struct tokens all = {0};
        result = tokens_append(&all, g->ids.ids, g->ids.n);
        if (result == ERR_OK) result = tokens_append(&all, g->answer.ids.ids, g->answer.ids.n);
        if (result == ERR_OK) result = comparison_add(c, &models, all.ids, all.n, g->ids.n - 1);
        tokens_release(&all);
    }
    return result;
}

static err compare(struct parity *p, struct eval_subject *other, double bound, json_t **out) {
    struct comparison c = {0};
    TRY(walk(p, other, &c));
    TRY(comparison_check(&c, bound));
    TRY(comparison_check_choices(&c));
    *out = json_pack("{s:I, s:f, s:f, s:I}", "positions", (json_int_t)c.positions, "bound", bound,
                     "measured", comparison_relative(&c), "other_choices",
                     (json_int_t)(c.positions - c.same_greedy));
    return *out != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for a check");
}

static err compare_adapter(struct parity *p, json_t **out) {
    struct eval_subject adapted = {0};
    err result = eval_subject_open(
        &adapted, &(struct eval_subject_options){.model_dir = p->inputs->base_dir,
                                                 .adapter_dir = p->inputs->adapter_dir,
                                                 .tokenizer_dir = p->packed_dir,
                                                 .device = "cpu",
                                                 .max_tokens = p->golden.longest});
    if (result == ERR_OK) result = compare(p, &adapted, comparison_bound(&p->packed.model), out);
    eval_subject_close(&adapted);
    return fail_in(result, "the packed adapter is not the trained model's");
}

static err compare_format(struct parity *p, const char *format, const json_t *manifest,
                          json_t **out) {
    const struct release_format *f = NULL;
    struct eval_subject other = {0};
    struct str name = {0};
    TRY(release_format_find(format, &f));
    err result = release_gguf_path(format, manifest, &name);
    char *path = result == ERR_OK ? path_join(p->packed_dir, str_text(&name)) : NULL;
    if (result == ERR_OK && path == NULL) result = ERR_MEMORY;
    if (result == ERR_OK)
        result = eval_subject_open(&other,
                                   &(struct eval_subject_options){.model_dir = path,
                                                                  .tokenizer_dir = p->packed_dir,
                                                                  .device = "cpu",
                                                                  .max_tokens = p->golden.longest});
    if (result == ERR_OK)
        result = compare(p, &other, comparison_bound_of(&p->packed.model.config, f->u), out);
    result = fail_in(result, "'%s' is not the trained model", str_text(&name));
    eval_subject_close(&other);
    mem_free(path);
    str_release(&name);
    return result;
}

static err compare_formats(struct parity *p, json_t *out) {
    const struct opt_list *formats = p->inputs->formats;
    json_t *found = json_object();
    TRY(json_put(out, "formats", found));
    for (int64_t i = 0; i < formats->n; i++) {
        json_t *one = NULL;
        TRY(compare_format(p, formats->items[i], p->inputs->manifest, &one));
        TRY(json_put(found, formats->items[i], one));
    }
    return ERR_OK;
}

static err check_all(struct parity *p, json_t *out) {
    struct golden written = {0};
    TRY(ask_trained(p));
    TRY(golden_write(&p->golden, p->inputs->packed_dir));
    TRY(open_subject(&p->packed, p->inputs->packed_dir, p->golden.longest));
    TRY(golden_read(&written, p->inputs->packed_dir));
    err result = golden_compare(&written, &p->packed);
    golden_release(&written);
    TRY(fail_in(result, "the packed folder is not the trained model"));
    TRY(json_put(out, "prompts", json_integer(p->golden.n)));
    json_t *adapter = json_null();
    if (p->inputs->adapter_dir != NULL) TRY(compare_adapter(p, &adapter));
    TRY(json_put(out, "adapter", adapter));
    return compare_formats(p, out);
}

err release_parity(const struct release_parity *inputs, json_t **out) {
    struct parity p = {.inputs = inputs, .packed_dir = inputs->packed_dir};
    json_t *measured = json_object();
    err result =
        measured == NULL ? fail(ERR_MEMORY, "out of memory for a check") : check_all(&p, measured);
    eval_subject_close(&p.packed);
    golden_release(&p.golden);
    if (result != ERR_OK) {
        json_decref(measured);
        return result;
    }
    *out = measured;
    return ERR_OK;
}

/* The formats that packing measured. */
static err check_formats(struct parity *p, const json_t *manifest, int64_t *out_n) {
    json_t *one = NULL;
    const char *name = NULL;
    json_object_foreach(release_formats_measured(manifest), name, one) {
        json_t *measured = NULL;
        TRY(compare_format(p, name, manifest, &measured));
        json_decref(measured);
        ++*out_n;
    }
    return ERR_OK;
}

static err check_packed(struct parity *p, const json_t *manifest, int64_t *out_formats) {
    TRY(golden_read(&p->golden, p->packed_dir));
    TRY(open_subject(&p->packed, p->packed_dir, 0));
    if (p->golden.longest > p->packed.model.config.max_positions)
        return fail(ERR_PARSE, "'%s' has a prompt that leaves no room for its answer", GOLDEN_FILE);
    TRY(golden_compare(&p->golden, &p->packed));
    eval_subject_close(&p->packed);
    TRY(open_subject(&p->packed, p->packed_dir, p->golden.longest));
    return check_formats(p, manifest, out_formats);
}

err release_parity_check(const char *dir, const json_t *manifest, int64_t *out_prompts,
                         int64_t *out_formats) {
    struct parity p = {.packed_dir = dir};
    *out_formats = 0;
    err result = check_packed(&p, manifest, out_formats);
    *out_prompts = p.golden.n;
    eval_subject_close(&p.packed);
    golden_release(&p.golden);
    return result;
}
