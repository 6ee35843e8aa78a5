/* SPDX-License-Identifier: Apache-2.0
 * libyaml's events to a tree of recipe nodes. libyaml itself resolves no types, finds no duplicate
 * keys and follows aliases freely when it loads documents, so it is read by events and everything
 * that a recipe must not hold is refused here (spec: ecosystem facts, "Writing recipes as YAML").
 */
#include "recipes/yaml.h"
#include "base/file.h"

#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct arena *arena;
    struct recipe_faults *faults;
    struct recipe_node *open[YAML_MAX_DEPTH]; /* lists and maps that are not closed yet */
    int depth;
    struct recipe_node *top;
    const char *key; /* of the map entry whose value comes next */
    struct recipe_place key_place;
    bool drop_value; /* that value is read, but kept out of the tree */
    bool stop;
    int64_t n_nodes;
};

static struct recipe_place mark_place(const struct reader *r, yaml_mark_t mark) {
    return (struct recipe_place){r->file, (int64_t)mark.line + 1, (int64_t)mark.column + 1};
}

/* Line and column of a byte offset, counted in characters. */
static struct recipe_place offset_place(const char *file, const char *text, size_t offset) {
    struct recipe_place place = {file, 1, 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

struct recipe_node *node_find(const struct recipe_node *map, const char *key) {
    for (struct recipe_node *part = map->first; part; part = part->next)
        if (part->key && strcmp(part->key, key) == 0) return part;
    return NULL;
}

void node_add(struct recipe_node *to, struct recipe_node *part) {
    part->next = NULL;
    if (to->last)
        to->last->next = part;
    else
        to->first = part;
    to->last = part;
    to->n++;
}

const char *node_kind_text(const struct recipe_node *node) {
    switch (node->kind) {
    case NODE_NONE: return "no value";
    case NODE_TEXT: return "a single value";
    case NODE_LIST: return "a list";
    case NODE_MAP: return "a mapping";
    case NODE_BROKEN: break;
    }
    return "a value that could not be read";
}

static err add_parts(const struct recipe_node *node, json_t *out) {
    for (const struct recipe_node *part = node->first; part; part = part->next) {
        json_t *value;
        TRY(yaml_tree_json(part, &value)); /* YAML_MAX_DEPTH deep at most */
        TRY(part->key ? json_put(out, part->key, value) : json_push(out, value));
    }
    return ERR_OK;
}

err yaml_tree_json(const struct recipe_node *node, json_t **out) {
    switch (node->kind) {
    case NODE_TEXT: *out = json_string(node->text); break;
    case NODE_LIST: *out = json_array(); break;
    case NODE_MAP: *out = json_object(); break;
    case NODE_NONE:
    case NODE_BROKEN: *out = json_null(); break;
    }
    if (!*out) return fail(ERR_MEMORY, "out of memory for a tree of values");
    err code = add_parts(node, *out);
    if (code == ERR_OK) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return code;
}

err yaml_file_json(const char *path, const char *name, json_t **out) {
    struct arena arena = {0};
    struct str text = {0};
    struct recipe_faults faults = {0};
    struct recipe_node *top = NULL;
    err code = file_read(path, YAML_MAX_BYTES, &text);
    if (code == ERR_OK) code = yaml_read(str_text(&text), text.len, name, &arena, &faults, &top);
    if (code == ERR_OK) code = recipe_faults_err(&faults);
    if (code == ERR_OK && (!top || top->kind != NODE_MAP))
        code = fail(ERR_PARSE, "'%s' is no mapping", name);
    if (code == ERR_OK) code = yaml_tree_json(top, out);
    str_release(&text);
    arena_release(&arena);
    return code;
}

/* Hangs a finished or just opened node where it belongs. */
static err place_node(struct reader *r, struct recipe_node *node) {
    struct recipe_node *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;
    if (!parent) {
        r->top = node;
        return ERR_OK;
    }
    if (parent->kind == NODE_MAP) {
        node->key = r->key;
        node->key_place = r->key_place;
        r->key = NULL;
        if (r->drop_value) {
            r->drop_value = false;
            return ERR_OK;
        }
    }
    node_add(parent, node);
    return ERR_OK;
}

/* A map's next text is a key when none is waiting for its value. */
static bool expects_key(const struct reader *r) {
    return r->depth > 0 && r->open[r->depth - 1]->kind == NODE_MAP && !r->key;
}

static err take_key(struct reader *r, const char *key, bool plain, struct recipe_place place) {
    r->key = key;
    r->key_place = place;
    if (plain && strcmp(key, "<<") == 0) { /* quoted it is a text */
        r->drop_value = true;
        TRY(recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place,
                         "merge keys are not allowed"));
        return recipe_fault_hint(r->faults, r->arena,
                                 "use 'inherit: FILE' at the top of the recipe");
    }
    const struct recipe_node *earlier = node_find(r->open[r->depth - 1], key);
    if (!earlier) return ERR_OK;
    r->drop_value = true;
    return recipe_fault(r->faults, r->arena, ERR_PARSE, place,
                        "key '%s' is given twice (first on line %lld)", key,
                        (long long)earlier->key_place.line);
}

/* What was read so far would only bring faults that are none. */
static void give_up(struct reader *r) {
    r->stop = true;
    r->top = NULL;
}

static err new_node(struct reader *r, enum node_kind kind, struct recipe_place place,
                    struct recipe_node **out) {
    *out = arena_alloc(r->arena, 1, sizeof(**out));
    if (!*out) return ERR_MEMORY;
    (*out)->kind = kind;
    (*out)->place = place;
    if (++r->n_nodes <= YAML_MAX_NODES) return ERR_OK;
    give_up(r);
    return recipe_fault(r->faults, r->arena, ERR_LIMIT, place,
                        "too large: more than %d values in one file", YAML_MAX_NODES);
}

static err refuse_properties(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
                             struct recipe_place place) {
    if (anchor)
        TRY(recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place,
                         "anchors are not allowed ('&%s')", (const char *)anchor));
    if (tag)
        TRY(recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place, "tags are not allowed ('%s')",
                         (const char *)tag));
    return ERR_OK;
}

static bool means_nothing(const char *text) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0) return true;
    return false;
}

static err take_scalar(struct reader *r, const yaml_event_t *event) {
    struct recipe_place place = mark_place(r, event->start_mark);
    TRY(refuse_properties(r, event->data.scalar.anchor, event->data.scalar.tag, place));
    const char *value = (const char *)event->data.scalar.value;
    if (memchr(value, 0, event->data.scalar.length)) {
        TRY(recipe_fault(r->faults, r->arena, ERR_PARSE, place, "a text holds a NUL character"));
        value = "";
    }
    char *text = arena_strdup(r->arena, value);
    if (!text) return ERR_MEMORY;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (expects_key(r)) return take_key(r, text, plain, place);
    struct recipe_node *node;
    TRY(new_node(r, plain && means_nothing(text) ? NODE_NONE : NODE_TEXT, place, &node));
    node->text = text;
    return place_node(r, node);
}

static err open_collection(struct reader *r, enum node_kind kind, const yaml_char_t *anchor,
                           const yaml_char_t *tag, struct recipe_place place) {
    TRY(refuse_properties(r, anchor, tag, place));
    if (r->depth == YAML_MAX_DEPTH) {
        give_up(r);
        return recipe_fault(r->faults, r->arena, ERR_LIMIT, place, "nested more than %d deep",
                            YAML_MAX_DEPTH);
    }
    if (expects_key(r)) {
        give_up(r);
        return recipe_fault(r->faults, r->arena, ERR_PARSE, place, "a key must be a text, not a %s",
                            kind == NODE_LIST ? "list" : "mapping");
    }
    struct recipe_node *node;
    TRY(new_node(r, kind, place, &node));
    TRY(place_node(r, node));
    r->open[r->depth++] = node;
    return ERR_OK;
}

static err take_alias(struct reader *r, const yaml_event_t *event) {
    struct recipe_place place = mark_place(r, event->start_mark);
    TRY(recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place, "aliases are not allowed ('*%s')",
                     (const char *)event->data.alias.anchor));
    if (expects_key(r)) {
        r->key = "";
        r->key_place = place;
        r->drop_value = true;
        return ERR_OK;
    }
    struct recipe_node *node;
    TRY(new_node(r, NODE_BROKEN, place, &node));
    return place_node(r, node);
}

static err take_event(struct reader *r, const yaml_event_t *event, bool *first_document) {
    struct recipe_place place = mark_place(r, event->start_mark);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (!*first_document) {
            r->stop = true;
            return recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place,
                                "a second document begins; a recipe is one document");
        }
        *first_document = false;
        if (event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
            return recipe_fault(r->faults, r->arena, ERR_UNSUPPORTED, place,
                                "tag directives are not allowed");
        return ERR_OK;
    case YAML_ALIAS_EVENT: return take_alias(r, event);
    case YAML_SCALAR_EVENT: return take_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(r, NODE_LIST, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag, place);
    case YAML_MAPPING_START_EVENT:
        return open_collection(r, NODE_MAP, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag, place);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: r->depth--; return ERR_OK;
    case YAML_STREAM_END_EVENT: r->stop = true; return ERR_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    }
    return ERR_OK;
}

/* What libyaml found wrong; it gives a byte offset instead of a mark for what it could not decode.
 */
static err take_problem(struct reader *r, const char *text, size_t n) {
    if (r->parser.error == YAML_MEMORY_ERROR) return fail(ERR_MEMORY, "out of memory in libyaml");
    const char *problem = r->parser.problem ? r->parser.problem : "not valid YAML";
    struct recipe_place place = mark_place(r, r->parser.problem_mark);
    if (r->parser.error == YAML_READER_ERROR)
        place = offset_place(r->file, text,
                             r->parser.problem_offset < n ? r->parser.problem_offset : n);
    if (r->parser.context)
        return recipe_fault(r->faults, r->arena, ERR_PARSE, place, "%s (%s on line %lld)", problem,
                            r->parser.context, (long long)r->parser.context_mark.line + 1);
    return recipe_fault(r->faults, r->arena, ERR_PARSE, place, "%s", problem);
}

static err read_events(struct reader *r, const char *text, size_t n) {
    bool first_document = true;
    while (!r->stop) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) {
            r->top = NULL;
            return take_problem(r, text, n);
        }
        err code = take_event(r, &event, &first_document);
        yaml_event_delete(&event);
        if (code != ERR_OK) return code;
    }
    return ERR_OK;
}

err yaml_read(const char *text, size_t n, const char *file, struct arena *a,
              struct recipe_faults *faults, struct recipe_node **out) {
    *out = NULL;
    struct recipe_place whole = {.file = file};
    if (n > YAML_MAX_BYTES)
        return recipe_fault(faults, a, ERR_LIMIT, whole, "larger than %d bytes", YAML_MAX_BYTES);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* libyaml would count it as a column */
        text += 3;
        n -= 3;
    }
    int64_t n_before = faults->n, invalid = utf8_invalid_at(text, n);
    if (invalid >= 0)
        return recipe_fault(faults, a, ERR_PARSE, offset_place(file, text, (size_t)invalid),
                            "not valid UTF-8 (byte 0x%02x)", (unsigned char)text[invalid]);
    struct reader r = {.file = file, .arena = a, .faults = faults};
    if (!yaml_parser_initialize(&r.parser)) return fail(ERR_MEMORY, "out of memory in libyaml");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    err code = read_events(&r, text, n);
    yaml_parser_delete(&r.parser);
    if (code != ERR_OK) return code;
    if (!r.top && faults->n == n_before)
        return recipe_fault(faults, a, ERR_PARSE, whole, "holds nothing");
    *out = r.top;
    return ERR_OK;
}

const char *yaml_library(void) {
    return yaml_get_version_string();
}
