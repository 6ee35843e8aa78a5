/* SPDX-License-Identifier: Apache-2.0
 * cli/sections.def as a schema: the sections of a recipe over struct chain. The rows of the top
 * level and of base_model are here, since no stage below owns them.
 * Read next: cli/chain.h. */
#include "cli/chain.h"

#define ROW(field, ...) OPT(struct chain, field, __VA_ARGS__)
static const struct opt top_rows[] = {
    ROW(name, .required = true,
        .help = "of this training, for its folders: letters, digits, - _ ."),
    ROW(month, .value = "YYYY-MM", .help = "the month's plan that it belongs to"),
};
#undef ROW
#define ROW(field, ...) OPT(struct base_model_options, field, __VA_ARGS__)
static const struct opt base_model_rows[] = {
    ROW(path, .required = true, .path = true, .aliases = "model_name_or_path", .value = "DIR",
        .help = "folder of the model to start from"),
    ROW(digest, .aliases = "sha256",
        .help = "SHA-256 over its sorted file digests; checked if given"),
};
#undef ROW

static struct opt_table top_table(void) {
    return OPT_TABLE(top_rows);
}
static struct opt_table base_model_options_table(void) {
    return OPT_TABLE(base_model_rows);
}

/* A list's member is read as struct section_items. */
_Static_assert(offsetof(struct request, n_examples) ==
                   offsetof(struct request, examples) + offsetof(struct section_items, n),
               "examples and n_examples stand together");
_Static_assert(offsetof(struct request, n_checks) ==
                   offsetof(struct request, checks) + offsetof(struct section_items, n),
               "checks and n_checks stand together");
_Static_assert(sizeof(struct request_list) == sizeof(struct section_items), "items and n");
_Static_assert(sizeof(struct data_source_list) == sizeof(struct section_items), "items and n");

static const struct recipe_section sections[] = {
#define SECTION_NEEDED(path_, parent, member, table_)                                              \
    {.path = path_,                                                                                \
     .kind = SECTION_IS_MAP,                                                                       \
     .table = table_,                                                                              \
     .required = true,                                                                             \
     .offset = offsetof(parent, member)},
#define SECTION_MAP(path_, parent, member, table_)                                                 \
    {.path = path_, .kind = SECTION_IS_MAP, .table = table_, .offset = offsetof(parent, member)},
#define SECTION_LIST(path_, parent, member, item, table_)                                          \
    {.path = path_,                                                                                \
     .kind = SECTION_IS_LIST,                                                                      \
     .table = table_,                                                                              \
     .offset = offsetof(parent, member),                                                           \
     .item_size = sizeof(item)},
#define SECTION_PLACED(path_, parent, member, item, table_)                                        \
    {.path = path_,                                                                                \
     .kind = SECTION_IS_LIST,                                                                      \
     .table = table_,                                                                              \
     .offset = offsetof(parent, member),                                                           \
     .item_size = sizeof(item),                                                                    \
     .file_offset = offsetof(item, file),                                                          \
     .line_offset = offsetof(item, line)},
#include "cli/sections.def"
};

const struct recipe_schema chain_schema = {top_table, sections,
                                           sizeof(sections) / sizeof(sections[0]),
                                           "'cotrain recipe schema' lists every key"};
