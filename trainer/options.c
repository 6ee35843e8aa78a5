/* SPDX-License-Identifier: Apache-2.0
 * Rows of the recipe's `train` section: names, presets, ranges, other spellings, help.
 * Only keys that do something stand here. Names of optimisers and schedules come from their tables.
 * Read next: trainer/options.h for what each field means to the code. */
#include "trainer/options.h"

#include "trainer/best.h"
#include <inttypes.h>
#include <string.h>

#define ROW(field, ...) OPT(struct train_options, field, __VA_ARGS__)
/* ",a,b": the list is what follows the first comma */
#define OPTIMIZER(name) "," #name
static const char optimizer_names[] =
#include "trainer/optim/optim.def"
    ;
#undef OPTIMIZER
#define SCHEDULE(name) "," #name
static const char schedule_names[] =
#include "trainer/schedule/schedule.def"
    ;
#undef SCHEDULE
#define LOGGER(name) "," #name
static const char logger_names[] = "none,all"
#include "trainer/loggers/loggers.def"
    ;
#undef LOGGER
#define QUANT(name) "," #name
static const char weight_dtype_names[] = "checkpoint,bf16,f32"
#include "compute/quants.def"
    ;
#undef QUANT

static const struct opt rows[] = {
    ROW(optimizer, .preset = "adamw", .aliases = "optim", .choices = &optimizer_names[1],
        .help = "how gradients become updates"),
    ROW(loss_mask, .preset = "answer", .choices = "answer,yuan-megatron,yuan-hf,all",
        .help = "which tokens are trained as targets"),
    ROW(isolate, .preset = "all", .choices = "all,attention,none",
        .help = "what stops at a document's border in a packed row"),
    ROW(overlong, .preset = "error", .choices = "error,drop,truncate_prompt",
        .aliases = "excess_length_strategy", .help = "a sample longer than sequence_len"),
    ROW(sequence_len, .preset = "2048", .min = 2, .max = 1 << 20,
        .aliases = "cutoff_len,max_seq_length,max_seq_len,max_length,model_max_length",
        .help = "tokens of a row"),
    ROW(sample_packing, .preset = "true", .aliases = "packing",
        .help = "put several samples into one row"),
    ROW(packing_strategy, .choices = "best_fit,next_fit",
        .help = "how they fill it: fewest rows, which come in shuffled order, or the shuffled "
                "samples one after the other (not given: best_fit)"),
    ROW(micro_batch_size, .preset = "1", .min = 1, .max = 1 << 20,
        .aliases = "per_device_train_batch_size,batch_size", .help = "rows of one forward pass"),
    ROW(gradient_accumulation_steps, .preset = "1", .min = 1, .max = 1 << 20,
        .aliases = "grad_accum", .help = "forward passes of one update"),
    ROW(num_epochs, .preset = "3", .min = 1e-6, .max = 1e6, .aliases = "num_train_epochs,epochs",
        .help = "passes over the data"),
    ROW(max_steps, .preset = "0", .min = 0, .max = 1e9,
        .help = "updates, whatever num_epochs says (0: from num_epochs)"),
    ROW(learning_rate, .preset = "1e-4", .min = 0, .max = 10, .aliases = "lr",
        .help = "largest learning rate"),
    ROW(min_learning_rate, .preset = "0", .min = 0, .max = 10, .aliases = "min_lr,lr_min",
        .help = "learning rate at the end of the schedule"),
    ROW(min_learning_rate_ratio, .preset = "0", .min = 0, .max = 1,
        .aliases = "min_lr_ratio,min_lr_rate,cosine_min_lr_ratio",
        .help = "the same, as a share of learning_rate"),
    ROW(lr_scheduler, .preset = "cosine", .aliases = "lr_scheduler_type",
        .choices = &schedule_names[1], .help = "shape of the learning rate after warm-up"),
    ROW(warmup_ratio, .preset = "0", .min = 0, .max = 1, .help = "share of the steps that warm up"),
    ROW(warmup_steps, .preset = "0", .min = 0, .max = 1e9, .aliases = "num_warmup_steps",
        .help = "steps that warm up (above 0: instead of warmup_ratio)"),
    ROW(weight_decay, .preset = "0", .min = 0, .max = 1, .help = "decoupled weight decay"),
    ROW(weight_decay_rule, .preset = "2d", .choices = "2d,megatron",
        .help = "2d: matrices; megatron: convolutions as well"),
    ROW(adam_beta1, .preset = "0.9", .min = 0, .max = 0.999999, .aliases = "adamw_beta1,beta1",
        .help = "decay of the mean of gradients"),
    ROW(adam_beta2, .preset = "0.999", .min = 0, .max = 0.9999999, .aliases = "adamw_beta2,beta2",
        .help = "decay of the mean of squared gradients"),
    ROW(adam_epsilon, .preset = "1e-8", .min = 1e-30, .max = 1, .aliases = "adam_eps,eps",
        .help = "added to the root of that mean"),
    ROW(max_grad_norm, .preset = "1", .min = 0, .max = 1e9,
        .aliases = "gradient_clipping,clip_grad",
        .help = "gradients are scaled down to this norm (0: never)"),
    ROW(recompute, .preset = "auto", .choices = "auto,none,mlp,all,true,false",
        .aliases = "gradient_checkpointing,activation_checkpointing,use_gradient_checkpointing",
        .help = "activations that are made again instead of kept, for memory (auto: as few as the "
                "memory needs; true is all, false none); no number depends on it"),
    ROW(seed, .preset = "42", .min = 0, .max = 9007199254740991.0, .aliases = "data_seed",
        .help = "of every random number of the run"),
    ROW(save_steps, .preset = "100", .min = 0, .max = 1e9, .aliases = "save_interval",
        .help = "steps between checkpoints (0: only the last)"),
    ROW(save_total_limit, .preset = "2", .min = 0, .max = 1e6,
        .help = "newest checkpoints that are kept, the best one among them (0: all)"),
    ROW(eval_steps, .preset = "0", .min = 0, .max = 1e9,
        .help = "steps between evaluations on the validation rows; the last step has one, too "
                "(0: none)"),
    /* Without a preset: a run without these has no trace of them (opt_left_out). */
    ROW(eval_strategy, .choices = "no,steps,epoch", .aliases = "evaluation_strategy",
        .help = "when: every eval_steps steps, or at the end of each epoch (not given: steps, "
                "where eval_steps is above 0)"),
    ROW(eval_tasks, .value = "TASK",
        .help = "tasks of `cotrain list tasks`, or users' own, that an evaluation asks beside the "
                "validation loss"),
    ROW(load_best_model_at_end, .help = "the run ends with the model of its best evaluation; that "
                                        "one's checkpoint is always kept"),
    ROW(metric_for_best_model, .value = "METRIC",
        .help = "what makes an evaluation the best: loss, or one of eval_tasks (not given: loss)"),
    ROW(greater_is_better, .choices = "true,false",
        .help = "which way it is better (not given: a loss by falling, a task by rising)"),
    ROW(early_stopping_patience, .min = 0, .max = 1e9, .aliases = "early_stopping_steps",
        .help = "the run ends after so many evaluations in a row that are no better (0: never)"),
    ROW(early_stopping_threshold, .min = 0, .max = 1e9,
        .help = "by more than this must an evaluation be better to count as that"),
    ROW(report_to, .choices = logger_names, .value = "LOGGER",
        .help = "what the run is logged for beside run.jsonl, trainer_log.jsonl and "
                "trainer_state.json, which always are (not given: none)"),
    ROW(logging_steps, .min = 0, .max = 1e9,
        .help = "steps between what the loggers get; run.jsonl has every step (not given: 1)"),
    ROW(freeze, .aliases = "freeze_parameters_regex", .value = "PATTERN",
        .help = "regular expressions: parameters whose name one matches are not trained"),
    ROW(train_only, .aliases = "unfrozen_parameters,trainable_parameters_regex", .value = "PATTERN",
        .help = "likewise: no other parameters are trained"),
    ROW(trainable_layers, .min = -1e6, .max = 1e6, .aliases = "freeze_trainable_layers",
        .help = "only the last n layers are trained (below 0: the first n)"),
    ROW(weight_dtype, .choices = weight_dtype_names,
        .help =
            "what weights that are not trained are held in (not given: checkpoint); nf4: QLoRA"),
    ROW(trained_weight_dtype, .choices = "f32,bf16",
        .help = "what trained weights of the model are held in (not given: f32)"),
    ROW(gradient_dtype, .choices = "f32,bf16",
        .help = "what gradients of the model's weights are kept in (not given: f32)"),
    ROW(optimizer_in_backward, .aliases = "optimizer_in_bwd",
        .help = "update each weight in the backward pass, so that no gradient is kept"),
    ROW(offload, .choices = "none,optimizer,layers,all", .aliases = "offload_optimizer_device",
        .help = "what a run on a GPU keeps in pinned host memory and streams in: states of the "
                "optimizer, layers that are not trained, or both (not given: none); no number "
                "depends on it"),
    ROW(loraplus_lr_ratio, .min = 0, .max = 1e6,
        .help = "LoRA+: learning rate of an adapter's B over that of its A, 16 is common"),
    ROW(loraplus_lr_embedding, .min = 0, .max = 10,
        .help = "LoRA+: learning rate of an embedding beside the adapter (not given: 1e-6)"),
    ROW(neftune_noise_alpha, .min = 0, .max = 1e6, .aliases = "neftune_alpha,noisy_embedding_alpha",
        .help = "NEFTune: noise on the embedded tokens in training, 5 is common (0: none)"),
};

struct opt_table train_options_table(void) {
    return OPT_TABLE(rows);
}

/* What needs all gradients of a step at once. */
static err check_in_backward(const struct train_options *o) {
    err e = ERR_OK;
    if (o->max_grad_norm > 0)
        e = fail(ERR_RANGE,
                 "train: 'optimizer_in_backward' with 'max_grad_norm' %g: the norm is known only "
                 "when all gradients are there",
                 o->max_grad_norm);
    else if (o->gradient_accumulation_steps > 1)
        e = fail(ERR_RANGE,
                 "train: 'optimizer_in_backward' with 'gradient_accumulation_steps' %" PRId64
                 ": gradients that are not kept cannot be added up",
                 o->gradient_accumulation_steps);
    if (e == ERR_OK) return ERR_OK;
    return fail_hint(e, "set train.max_grad_norm: 0 and train.gradient_accumulation_steps: 1, or "
                        "keep gradients in 16 bits instead: train.gradient_dtype: bf16");
}

/* What evaluations decide needs evaluations. */
static err check_evaluation(const struct train_options *o) {
    if (o->eval_strategy && !strcmp(o->eval_strategy, "steps") && o->eval_steps == 0)
        return fail(ERR_RANGE, "train: 'eval_strategy' is steps, and 'eval_steps' does not say "
                               "how many");
    const char *named = o->load_best_model_at_end         ? "load_best_model_at_end"
                        : o->early_stopping_patience > 0  ? "early_stopping_patience"
                        : o->metric_for_best_model        ? "metric_for_best_model"
                        : o->greater_is_better            ? "greater_is_better"
                        : o->early_stopping_threshold > 0 ? "early_stopping_threshold"
                        : o->eval_tasks.n > 0             ? "eval_tasks"
                                                          : NULL;
    if (!named) return ERR_OK;
    if (!best_wanted(o) && o->eval_tasks.n == 0)
        return fail(ERR_RANGE,
                    "train: '%s' is given without 'load_best_model_at_end', "
                    "'metric_for_best_model' or 'early_stopping_patience'",
                    named);
    const char *metric = best_metric(o);
    if (strcmp(metric, "loss") != 0 && !opt_list_has(&o->eval_tasks, metric))
        return fail(ERR_RANGE,
                    "train: 'metric_for_best_model' is '%s', and evaluations have the loss and "
                    "what 'eval_tasks' names",
                    metric);
    if (evaluation_wanted(o)) return ERR_OK;
    err e = fail(ERR_RANGE, "train: '%s' is given without evaluations during training", named);
    return fail_hint(e, "set train.eval_steps, or train.eval_strategy: epoch");
}

err train_options_check(const struct train_options *o) {
    if (o->min_learning_rate > 0 && o->min_learning_rate_ratio > 0)
        return fail(ERR_RANGE,
                    "train: both 'min_learning_rate' and 'min_learning_rate_ratio' are given");
    if (o->min_learning_rate > o->learning_rate)
        return fail(ERR_RANGE, "train: 'min_learning_rate' %g is above 'learning_rate' %g",
                    o->min_learning_rate, o->learning_rate);
    if (o->loraplus_lr_embedding > 0 && !(o->loraplus_lr_ratio > 0))
        return fail(ERR_RANGE,
                    "train: 'loraplus_lr_embedding' is given without 'loraplus_lr_ratio'");
    TRY(check_evaluation(o));
    return o->optimizer_in_backward ? check_in_backward(o) : ERR_OK;
}

int64_t train_options_rows(const struct train_options *o) {
    return o->micro_batch_size * o->gradient_accumulation_steps;
}
