/* SPDX-License-Identifier: Apache-2.0
 * What is asked for, held against what is possible, before anything is started: limits, arguments,
 * files, and that the program is there.
 * Read next: base/sandbox.h. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox/box_int.h"

#include <string.h>
#include <unistd.h>

struct limit_row {
    const char *word, *field;
    size_t at;
    int64_t preset, highest;
};
static const struct limit_row limit_rows[] = {
    {"none", "", 0, 0, 0},
#define LIMIT(name, word, field, preset, highest, meaning)                                         \
    {word, #field, offsetof(struct sandbox_limits, field), preset, highest},
#include "base/sandbox/limits.def"
#undef LIMIT
};

const char *sandbox_limit_name(enum sandbox_limit limit) {
    return limit_rows[limit].word;
}

static err set_limits(const struct sandbox_limits *asked, struct sandbox_limits *out) {
    for (int i = 1; i < SANDBOX_LIMIT_COUNT; i++) {
        const struct limit_row *row = &limit_rows[i];
        const int64_t value = *(const int64_t *)((const char *)asked + row->at);
        if (value < 0 || value > row->highest)
            return fail(ERR_RANGE, "limit '%s' is %lld; 1 to %lld are possible", row->field,
                        (long long)value, (long long)row->highest);
        *(int64_t *)((char *)out + row->at) = value > 0 ? value : row->preset;
    }
    return ERR_OK;
}

static err check_arguments(const char *const *argv) {
    size_t n = 0, n_bytes = 0;
    if (argv == NULL || argv[0] == NULL || argv[0][0] == '\0')
        return fail(ERR_MISSING, "no program is named");
    for (; argv[n] && n <= SANDBOX_MAX_ARGUMENTS; n++) {
        const size_t bytes = strlen(argv[n]) + 1;
        n_bytes += bytes;
        if (bytes >= 128 << 10) /* execve(2): of each alone */
            return fail(ERR_LIMIT, "argument %zu has %zu bytes; 131071 are possible", n, bytes - 1);
    }
    if (n > SANDBOX_MAX_ARGUMENTS)
        return fail(ERR_LIMIT, "more than %d arguments", SANDBOX_MAX_ARGUMENTS);
    if (n_bytes > SANDBOX_MAX_ARGUMENT_BYTES)
        return fail(ERR_LIMIT, "the arguments have %zu bytes; %d are possible", n_bytes,
                    SANDBOX_MAX_ARGUMENT_BYTES);
    return ERR_OK;
}

static err check_files(const struct box *b) {
    const struct sandbox_options *o = b->options;
    size_t n_bytes = 0;
    if (o->n_files > SANDBOX_MAX_FILES)
        return fail(ERR_LIMIT, "%zu files; %d are possible", o->n_files, SANDBOX_MAX_FILES);
    for (size_t i = 0; i < o->n_files; i++) {
        const char *name = o->files[i].name;
        if (name == NULL || name[0] == '\0' || strchr(name, '/') || strlen(name) > 255 ||
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            return fail(ERR_RANGE, "'%.64s' is no name of a file", name ? name : "");
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, o->files[k].name) == 0)
                return fail(ERR_EXISTS, "two files are named '%s'", name);
        n_bytes += (o->files[i].size_bytes + BOX_PAGE_BYTES - 1) / BOX_PAGE_BYTES * BOX_PAGE_BYTES;
    }
    if (n_bytes > (size_t)box_folder_bytes(&b->limits))
        return fail(ERR_LIMIT, "the files take %zu bytes, and the limit 'disk_bytes' is %lld",
                    n_bytes, (long long)b->limits.disk_bytes);
    return ERR_OK;
}

static const char *const program_folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};

/* "./name" of a file that is brought along to be run. */
static bool is_given(const struct sandbox_options *o, const char *name) {
    for (size_t i = 0; i < o->n_files && strncmp(name, "./", 2) == 0; i++)
        if (o->files[i].executable && strcmp(name + 2, o->files[i].name) == 0) return true;
    return false;
}

static err find_program(struct box *b) {
    const char *name = b->options->argv[0];
    if (strchr(name, '/') != NULL) {
        if (!is_given(b->options, name) && (name[0] != '/' || access(name, X_OK) != 0))
            return fail(ERR_MISSING, "no program '%s'", name);
        b->program = mem_strdup(name);
        return b->program ? ERR_OK : ERR_MEMORY;
    }
    for (size_t i = 0; i < sizeof program_folders / sizeof *program_folders; i++) {
        b->program = path_join(program_folders[i], name);
        if (b->program == NULL) return ERR_MEMORY;
        if (access(b->program, X_OK) == 0) return ERR_OK;
        mem_free(b->program);
        b->program = NULL;
    }
    return fail(ERR_MISSING, "no program '%s' in /usr/local/bin, /usr/bin or /bin", name);
}

err box_check(struct box *b) {
    TRY(check_arguments(b->options->argv));
    TRY(set_limits(&b->options->limits, &b->limits));
    TRY(check_files(b));
    return find_program(b);
}
