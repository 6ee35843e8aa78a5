/* SPDX-License-Identifier: Apache-2.0
 * cotrain doctor: what this machine has for the chain, what is missing, and what to do about it. It
 * only looks; nothing is changed, and a missing thing is no failure of the command.
 * Read next: cli/machine.h. */
#include "base/hash.h"
#include "base/sandbox.h"
#include "cli/command.h"
#include "cli/machine.h"
#include "compute/compute.h"
#include "data/text/regex.h"
#include "recipes/yaml.h"

#include <stdio.h>
#include <string.h>

struct doctor_options {
    bool json;
};

#define ROW(field, ...) OPT(struct doctor_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(json, .help = "as JSON"),
};

/* Below these the doctor says what will not fit. */
#define MEMORY_WANTED_BYTES (8LL << 30) /* the 2.1B model with LoRA, and room beside it */
#define DISK_WANTED_BYTES (20LL << 30)  /* its base, checkpoints and a release */

static err finding(json_t *report, const char *name, const char *advice, const char *value) {
    json_t *entry = json_object();
    TRY(json_push(report, entry));
    TRY(json_put(entry, "name", json_string(name)));
    TRY(json_put(entry, "ok", json_boolean(advice == NULL)));
    TRY(json_put(entry, "value", json_string(value)));
    return advice ? json_put(entry, "advice", json_string(advice)) : ERR_OK;
}

static err bytes_finding(json_t *report, const char *name, int64_t bytes, int64_t wanted,
                         const char *advice) {
    struct str text = {0};
    err code = bytes < 0 ? str_add(&text, "not told by the system")
                         : str_printf(&text, "%.1f GiB", (double)bytes / (double)(1LL << 30));
    if (code == ERR_OK)
        code = finding(report, name, bytes >= 0 && bytes < wanted ? advice : NULL, str_text(&text));
    str_release(&text);
    return code;
}

static err processor_findings(json_t *report, const struct machine *m) {
    struct str text = {0};
    err code =
        str_printf(&text, "%s%s%lld cores, %lld threads used", m->processor,
                   m->processor[0] ? ", " : "", (long long)m->n_cores, (long long)m->n_threads);
    if (code == ERR_OK)
        code = finding(report, "processor",
                       m->n_threads < m->n_cores
                           ? "fewer threads than cores: unset COTRAIN_THREADS to use all that this "
                             "process may use"
                           : NULL,
                       str_text(&text));
    str_release(&text);
    if (code != ERR_OK) return code;
    return finding(report, "vector units",
                   m->fast_products ? NULL
                                    : "products run on the portable code, a hundred times slower; "
                                      "the numbers are the same bits",
                   m->vectors[0] ? m->vectors : "none known");
}

static err storage_findings(json_t *report, const struct machine *m) {
    TRY(bytes_finding(report, "memory", m->memory_bytes, MEMORY_WANTED_BYTES,
                      "the 2.1B model will not fit for training; the built-in sample does"));
    TRY(bytes_finding(report, "memory available", m->memory_free_bytes, 1LL << 30,
                      "other programs hold most of it; end some before training"));
    return bytes_finding(report, "disk free here", m->disk_free_bytes, DISK_WANTED_BYTES,
                         "too little for checkpoints and a release of the 2.1B model; work in "
                         "another folder (--work DIR)");
}

/* What opening it says: the memory that is free, or why it does not open. */
static err device_finding(json_t *report, const char *name) {
    struct compute c;
    struct str text = {0};
    size_t left = 0, total = 0;
    err e = compute_open(&c, name);
    if (e == ERR_OK) {
        e = c.backend->memory_left(&c, &left, &total);
        compute_close(&c);
    }
    if (e == ERR_MEMORY) return e;
    const bool works = e == ERR_OK;
    if (works)
        e = str_printf(&text, "%s, %.1f of %.1f GiB free", name, (double)left / (double)(1LL << 30),
                       (double)total / (double)(1LL << 30));
    else
        e = str_printf(&text, "%s does not open", name);
    char why[ERR_TEXT_SIZE];
    memcpy(why, err_message(), sizeof why);
    if (e == ERR_OK) e = finding(report, "backend", works ? NULL : why, str_text(&text));
    str_release(&text);
    if (e == ERR_OK) err_clear();
    return e;
}

static err backend_findings(json_t *report) {
    for (int i = 0; i < n_backends; i++) {
        if (i > 0 && strcmp(backends[i]->name, backends[i - 1]->name) == 0) continue;
        if (backends[i]->host_memory)
            TRY(finding(report, "backend", NULL, backends[i]->name));
        else
            TRY(device_finding(report, backends[i]->name));
    }
    return ERR_OK;
}

/* Whether programs that a model wrote can be run: for the checks of synthesis and for HumanEval. */
static err sandbox_finding(json_t *report) {
    struct str text = {0};
    err e = sandbox_describe(&text);
    if (e == ERR_UNSUPPORTED) {
        char advice[2 * ERR_TEXT_SIZE];
        snprintf(advice, sizeof advice, "%s; %s", err_message(), err_hint());
        e = finding(report, "sandbox", advice, "none");
        if (e == ERR_OK) err_clear();
    } else if (e == ERR_OK) {
        e = finding(report, "sandbox", NULL, str_text(&text));
    }
    str_release(&text);
    return e;
}

static err library_findings(json_t *report) {
    TRY(finding(report, "library", NULL, hash_library()));
    struct str text = {0};
    err code = str_printf(&text, "jansson %s, libyaml %s, PCRE2 %s", jansson_version_str(),
                          yaml_library(), regex_library());
    if (code == ERR_OK) code = finding(report, "library", NULL, str_text(&text));
    str_release(&text);
    return code;
}

static err look(json_t *report) {
    struct machine m;
    TRY(machine_look(&m));
    TRY(finding(report, "program", NULL, "cotrain " COTRAIN_VERSION));
    TRY(processor_findings(report, &m));
    TRY(storage_findings(report, &m));
    TRY(backend_findings(report));
    TRY(sandbox_finding(report));
    return library_findings(report);
}

static err report_text(const json_t *report, struct str *out) {
    for (size_t i = 0; i < json_array_size(report); i++) {
        const json_t *entry = json_array_get(report, i);
        const char *advice = json_string_value(json_object_get(entry, "advice"));
        TRY(str_printf(out, "%-4s %-18s %s\n", advice ? "note" : "ok",
                       json_string_value(json_object_get(entry, "name")),
                       json_string_value(json_object_get(entry, "value"))));
        if (advice) TRY(str_printf(out, "     %-18s %s\n", "", advice));
    }
    return ERR_OK;
}

static err print_report(const json_t *report) {
    struct str text = {0};
    err code = report_text(report, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct doctor_options *options = given;
    json_t *report = json_array();
    if (!report) return fail(ERR_MEMORY, "out of memory");
    err code = look(report);
    if (code == ERR_OK) code = options->json ? print_json(report) : print_report(report);
    json_decref(report);
    return code;
}

const struct command cmd_doctor = {
    .noun = "doctor",
    .verb = "",
    .summary = "what this machine has, what is missing, and what to do",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct doctor_options),
    .run = run,
};
