/* SPDX-License-Identifier: Apache-2.0
 * Option tables: one row a setting, read by recipes, the command line, help and the reference
 * pages. A row names a field of a struct; its type is taken from the field by _Generic, so a row
 * cannot disagree with the struct.
 *
 *     struct train_options { int64_t num_epochs; double learning_rate; const char *optimizer; };
 *     #define ROW(field, ...) OPT(struct train_options, field, __VA_ARGS__)
 *     const struct opt train_opts[] = {
 *         ROW(num_epochs, .min = 1, .max = 1e6, .preset = "3", .help = "passes over the data"),
 *         ROW(optimizer, .choices = "adamw", .preset = "adamw", .help = "..."),
 *     };
 */
#ifndef COTRAIN_BASE_OPT_H
#define COTRAIN_BASE_OPT_H

#include "base/arena.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type { OPT_BOOL, OPT_INT, OPT_FLOAT, OPT_STRING, OPT_LIST };

/* A list of strings: `[a, b]` or one word in a recipe, "a,b" on the command line. */
struct opt_list {
    const char **items;
    int64_t n;
};

/* Adds a text (not copied) to a list that nothing else has filled; it grows in the arena. */
MUST_CHECK err opt_list_add(struct opt_list *list, struct arena *a, const char *text);
bool opt_list_has(const struct opt_list *list, const char *text);

struct opt {
    const char *name;
    enum opt_type type;
    size_t offset;       /* of the field in its struct */
    const char *help;    /* one line */
    const char *preset;  /* default, as text; NULL: the field keeps what it holds (zero) */
    const char *aliases; /* other accepted spellings, "lr,learningrate"; accepted and reported */
    const char *choices; /* allowed words, "a,b,c"; NULL: any */
    const char *value;   /* name of the value in help, "DIR"; NULL: from the type */
    double min, max;     /* both 0: any */
    bool required;
    bool size;       /* an int64_t of bytes, written as one: 24GiB, 800MB */
    bool map;        /* a list that a recipe writes as a mapping: its items are "key: value" */
    bool positional; /* command line: also taken in order from the words without a dash */
    bool repeated;   /* a list whose items come one by one, whole: --set a=1 --set b=2, FILE... */
    bool path;    /* an existing file or folder; in a recipe, relative to the file that wrote it */
    bool pattern; /* a path that may be a pattern of several, with * ? or [ in it */
};

#define OPT(struct_type, field, ...)                                                                 \
    {                                                                                                \
        .name = #field, .offset = offsetof(struct_type, field),                                    \
        .type = _Generic(((struct_type *)0)->field, bool                                           \
                         : OPT_BOOL, int64_t                                                       \
                         : OPT_INT, double                                                         \
                         : OPT_FLOAT, const char *                                                 \
                         : OPT_STRING, struct opt_list                                             \
                         : OPT_LIST),                                                              \
        __VA_ARGS__ \
    }

struct opt_table {
    const struct opt *rows;
    size_t n;
};
#define OPT_TABLE(array) ((struct opt_table){(array), sizeof(array) / sizeof((array)[0])})

/* Sets every field to its preset. */
MUST_CHECK err opt_presets(struct opt_table table, void *target, struct arena *a);
/* The row of that name or alias ('-' and '_' are the same), or NULL. `out_alias` (may be NULL)
 * tells whether an alias matched. */
const struct opt *opt_find(struct opt_table table, const char *name, bool *out_alias);
/* Nearest known name for an unknown one, or NULL. */
const char *opt_nearest(struct opt_table table, const char *name);
/* Parses text into the field: type, range and choices are checked; the error says what is allowed.
 */
MUST_CHECK err opt_set(const struct opt *row, void *target, const char *text, struct arena *a);
/* For OPT_LIST: the items one by one. */
MUST_CHECK err opt_set_list(const struct opt *row, void *target, const char *const *items,
                            int64_t n, struct arena *a);
/* The field's present value as text, for digests and `recipe show`. */
MUST_CHECK err opt_text(const struct opt *row, const void *target, struct arena *a,
                        const char **out);

/* Whether nothing was given for a row without a preset: its field is still zero or empty. Resolved
 * recipes and digests leave it out, so that a new row of that kind changes none that there are. */
bool opt_left_out(const struct opt *row, const void *target);

/* Command line: `--name value`, `--name=value`, `--flag`, `--no-flag`, positional words, `--` ends
 * options. Applies presets first; unknown names get the nearest one; required rows are checked. */
MUST_CHECK err opt_parse_args(struct opt_table table, void *target, int argc, char **argv,
                              struct arena *a);
/* "  --name VALUE   help (default: ...)" lines, appended. */
struct str;
MUST_CHECK err opt_help(struct opt_table table, struct str *out);

#endif
