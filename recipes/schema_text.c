/* SPDX-License-Identifier: Apache-2.0
 * What a recipe may hold, said to people and to editors: one block of text a section, and JSON
 * Schema (draft 2020-12), which YAML editors use to complete and check keys while they are typed.
 * Read next: recipes/schema.h. */
#include "recipes/schema.h"

#include <string.h>

static const char *type_text(const struct opt *row) {
    switch (row->type) {
    case OPT_BOOL: return "true or false";
    case OPT_INT: return "whole number";
    case OPT_FLOAT: return "number";
    case OPT_STRING: return row->path ? "path" : "text";
    case OPT_LIST: return row->map ? "mapping of texts" : "list";
    }
    return "";
}

static err row_text(const struct opt *row, struct str *out) {
    TRY(str_printf(out, "  %s: %s", row->name, row->help ? row->help : ""));
    TRY(str_printf(out, "\n      %s", type_text(row)));
    if (row->choices) TRY(str_printf(out, ", one of %s", row->choices));
    if (row->min != 0 || row->max != 0)
        TRY(str_printf(out, ", from %.10g to %.10g", row->min, row->max));
    if (row->required) TRY(str_add(out, ", required"));
    if (row->preset) TRY(str_printf(out, ", default %s", row->preset));
    if (row->aliases) TRY(str_printf(out, ", also read as %s", row->aliases));
    return str_add(out, "\n");
}

static err table_text(struct opt_table table, struct str *out) {
    for (size_t i = 0; i < table.n; i++) TRY(row_text(&table.rows[i], out));
    return ERR_OK;
}

err schema_text(const struct recipe_schema *schema, struct str *out) {
    TRY(str_add(out, "(top level)\n"));
    TRY(table_text(recipe_head_table(), out));
    TRY(table_text(schema->table(), out));
    for (size_t i = 0; i < schema->n; i++) {
        const struct recipe_section *section = &schema->sections[i];
        TRY(str_printf(out, "\n%s%s\n", section->path,
                       section->kind == SECTION_IS_LIST ? "[]" : ""));
        TRY(table_text(section->table(), out));
    }
    return ERR_OK;
}

/* "a,b,c" as {"enum": [...]}. */
static err choices_json(const char *choices, json_t *of) {
    json_t *list = json_array();
    TRY(json_put(of, "enum", list));
    while (*choices) {
        size_t n = strcspn(choices, ",");
        TRY(json_push(list, json_stringn(choices, n)));
        choices += n + (choices[n] == ',');
    }
    return ERR_OK;
}

static err default_json(const struct opt *row, json_t *of) {
    int64_t whole;
    double number;
    switch (row->type) {
    case OPT_BOOL: return json_put(of, "default", json_boolean(strcmp(row->preset, "true") == 0));
    case OPT_INT:
        TRY(str_to_int64(row->preset, &whole));
        return json_put(of, "default", json_integer(whole));
    case OPT_FLOAT:
        TRY(str_to_double(row->preset, &number));
        return json_put(of, "default", json_real(number));
    case OPT_STRING:
    case OPT_LIST: break;
    }
    return json_put(of, "default", json_string(row->preset));
}

/* A single value may be written where a list is wanted, so both forms are allowed. */
static err list_type_json(const struct opt *row, json_t *of) {
    if (row->map) {
        TRY(json_put(of, "type", json_string("object")));
        return json_put(of, "additionalProperties", json_pack("{s:s}", "type", "string"));
    }
    json_t *item = json_object(), *list = json_object(), *forms = json_array();
    TRY(json_put(of, "oneOf", forms));
    TRY(json_push(forms, list));
    TRY(json_put(list, "type", json_string("array")));
    TRY(json_put(list, "items", item));
    TRY(json_put(item, "type", json_string("string")));
    if (row->choices) TRY(choices_json(row->choices, item));
    return json_push(forms, json_pack("{s:s}", "type", "string"));
}

/* Accepted, but marked as not the name to use. */
static err aliases_json(const struct opt *row, json_t *properties) {
    for (const char *alias = row->aliases; alias && *alias;) {
        int n = (int)strcspn(alias, ",");
        struct str name = {0}, help = {0};
        err code = str_append(&name, alias, (size_t)n);
        if (code == ERR_OK) code = str_printf(&help, "read as '%s'", row->name);
        json_t *of = json_object();
        if (code == ERR_OK) code = json_put(properties, str_text(&name), of);
        if (code == ERR_OK) code = json_put(of, "description", json_string(str_text(&help)));
        if (code == ERR_OK) code = json_put(of, "deprecated", json_true());
        str_release(&name);
        str_release(&help);
        if (code != ERR_OK) return code;
        alias += n + (alias[n] == ',');
    }
    return ERR_OK;
}

static err row_json(const struct opt *row, json_t *properties) {
    static const char *const types[] = {
        [OPT_BOOL] = "boolean", [OPT_INT] = "integer", [OPT_FLOAT] = "number"};
    json_t *of = json_object();
    TRY(json_put(properties, row->name, of));
    if (row->help) TRY(json_put(of, "description", json_string(row->help)));
    if (row->type == OPT_LIST) {
        TRY(list_type_json(row, of));
    } else if (row->type == OPT_STRING && !row->choices) {
        /* types come from the option rows: a plain 0123 or 2024-03 is a text here */
        TRY(json_put(of, "type", json_pack("[s,s]", "string", "number")));
    } else if (row->type != OPT_STRING) {
        TRY(json_put(of, "type", json_string(types[row->type])));
        if (row->min != 0 || row->max != 0) {
            TRY(json_put(of, "minimum", json_real(row->min)));
            TRY(json_put(of, "maximum", json_real(row->max)));
        }
    } else {
        TRY(choices_json(row->choices, of));
    }
    if (row->preset) TRY(default_json(row, of));
    return aliases_json(row, properties);
}

static err map_json(const struct recipe_schema *schema, const char *path, struct opt_table table,
                    json_t *of);

static err section_json(const struct recipe_schema *schema, const struct recipe_section *section,
                        const char *key, json_t *properties) {
    json_t *of = json_object();
    TRY(json_put(properties, key, of));
    if (section->kind == SECTION_IS_MAP)
        return map_json(schema, section->path, section->table(), of);
    TRY(json_put(of, "type", json_string("array")));
    json_t *items = json_object();
    TRY(json_put(of, "items", items));
    struct str path = {0};
    err code = str_printf(&path, "%s[]", section->path);
    if (code == ERR_OK) code = map_json(schema, str_text(&path), section->table(), items);
    str_release(&path);
    return code;
}

/* An object whose properties are a table's rows and the sections below it. */
static err map_json(const struct recipe_schema *schema, const char *path, struct opt_table table,
                    json_t *of) {
    TRY(json_put(of, "type", json_string("object")));
    TRY(json_put(of, "additionalProperties", json_false()));
    json_t *properties = json_object();
    TRY(json_put(of, "properties", properties));
    json_t *required = json_array();
    TRY(json_put(of, "required", required));
    for (size_t i = 0; i < table.n; i++) {
        TRY(row_json(&table.rows[i], properties));
        if (table.rows[i].required) TRY(json_push(required, json_string(table.rows[i].name)));
    }
    for (size_t i = 0; i < schema->n; i++) {
        const struct recipe_section *section = &schema->sections[i];
        const char *key = section_key(section, path);
        if (!key) continue;
        TRY(section_json(schema, section, key, properties));
        if (section->required) TRY(json_push(required, json_string(key)));
    }
    return ERR_OK;
}

static err top_json(const struct recipe_schema *schema, json_t *top) {
    TRY(json_put(top, "$schema", json_string("https://json-schema.org/draft/2020-12/schema")));
    TRY(json_put(top, "title", json_string("cotrain recipe")));
    TRY(map_json(schema, "", schema->table(), top));
    struct opt_table head = recipe_head_table();
    for (size_t i = 0; i < head.n; i++) {
        TRY(row_json(&head.rows[i], json_object_get(top, "properties")));
        if (head.rows[i].required)
            TRY(json_push(json_object_get(top, "required"), json_string(head.rows[i].name)));
    }
    return ERR_OK;
}

err schema_json(const struct recipe_schema *schema, json_t **out) {
    json_t *top = json_object();
    if (!top) return fail(ERR_MEMORY, "out of memory");
    err code = top_json(schema, top);
    if (code == ERR_OK)
        *out = top;
    else
        json_decref(top);
    return code;
}
