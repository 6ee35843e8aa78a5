/* SPDX-License-Identifier: Apache-2.0
 * The YAML writer. It is our own, since libyaml's emitter writes no comments and quotes only what
 * would break the syntax: no, null, 0123 and 2024-04-06 come out plain there, and YAML 1.1 readers
 * take them for something else. */
#include "recipes/write.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    INDENT = 2,
    FLOW_MAX_BYTES = 80,
    PATH_MAX_BYTES = 512,
    KEY_MAX_BYTES = 1000, /* as written: a key before ':' has at most 1024 characters (YAML 1.1) */
};

struct writer {
    struct str *out;
    const struct recipe_comments *comments;
    char path[PATH_MAX_BYTES]; /* of the present key, for comments */
};

/* Words that YAML 1.1 readers take for a boolean or null. */
static bool retyped_word(const char *text) {
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0) return true;
    return false;
}

/* A text that stands plain: a letter first, then letters, digits and a few marks that mean nothing
 * to YAML. Whatever begins with a digit, sign or dot might be a number, date or time somewhere. */
static bool plain_text(const char *text) {
    static const char marks[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/0123456789.+-@";
    size_t n = strlen(text), n_letters = strcspn(marks, "0");
    return n > 0 && memchr(marks, text[0], n_letters) && strspn(text, marks) == n &&
           !retyped_word(text);
}

/* Characters that no YAML text holds as they are, or that nobody would see there. Those that join
 * or style an emoji stay. */
static bool needs_escape(uint32_t c) {
    if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0)) return true;
    if (c == 0x2028 || c == 0x2029 || c == 0xFFFE || c == 0xFFFF) return true;
    return utf8_invisible(c) && c != 0x200D && c != 0xFE0E && c != 0xFE0F;
}

static err quoted(const char *text, struct str *out) {
    size_t n = strlen(text);
    if (utf8_invalid_at(text, n) >= 0) return fail(ERR_UNSUPPORTED, "a text that is not UTF-8");
    TRY(str_add(out, "\""));
    for (size_t i = 0, step; i < n; i += step) {
        uint32_t c;
        step = utf8_next(text + i, n - i, &c);
        if (c == '"' || c == '\\')
            TRY(str_printf(out, "\\%c", (char)c));
        else if (c == '\n')
            TRY(str_add(out, "\\n"));
        else if (c == '\t')
            TRY(str_add(out, "\\t"));
        else if (needs_escape(c))
            TRY(str_printf(out, c > 0xFFFF ? "\\U%08x" : "\\u%04x", c));
        else
            TRY(str_append(out, text + i, step));
    }
    return str_add(out, "\"");
}

err recipe_write_text(const char *text, struct str *out) {
    return plain_text(text) ? str_add(out, text) : quoted(text, out);
}

/* Whether a literal block gives the text back unchanged: no white space at the ends of lines, no
 * control characters but tabs, a first line that begins with neither white space nor line end, one
 * line end last at most. */
static bool block_text(const char *text) {
    size_t n = strlen(text);
    if (!strchr(text, '\n') || strchr(" \t\n", text[0]) || utf8_invalid_at(text, n) >= 0)
        return false;
    for (size_t i = 0, step; i < n; i += step) {
        uint32_t c;
        step = utf8_next(text + i, n - i, &c);
        if (needs_escape(c)) return false;
        if ((c == ' ' || c == '\t') && (text[i + 1] == '\n' || text[i + 1] == '\0')) return false;
    }
    return strcmp(text + n - 2, "\n\n") != 0;
}

static err write_block(const char *text, int indent, struct str *out) {
    TRY(str_add(out, str_ends(text, "\n") ? "|\n" : "|-\n"));
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (len > 0) TRY(str_printf(out, "%*s", indent, ""));
        TRY(str_append(out, line, len));
        TRY(str_add(out, "\n"));
        line += len + (line[len] == '\n');
    }
    return ERR_OK;
}

/* The shortest text that reads back as the same number, with the dot that YAML 1.1 asks for. */
static err write_real(double value, struct str *out) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        double again;
        TRY(str_to_double(text, &again));
        if (again == value) break;
    }
    size_t n_mantissa = strcspn(text, "e");
    const char *dot = memchr(text, '.', n_mantissa) ? "" : ".0";
    return str_printf(out, "%.*s%s%s", (int)n_mantissa, text, dot, text + n_mantissa);
}

/* Whether the whole text is what C takes it for. */
static bool without_nul(const json_t *string) {
    return strlen(json_string_value(string)) == json_string_length(string);
}

static err write_scalar(const json_t *value, struct str *out) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (!without_nul(value)) return fail(ERR_UNSUPPORTED, "a text that holds a NUL character");
        return recipe_write_text(json_string_value(value), out);
    case JSON_INTEGER: return str_printf(out, "%lld", (long long)json_integer_value(value));
    case JSON_REAL: return write_real(json_real_value(value), out);
    case JSON_TRUE: return str_add(out, "true");
    case JSON_FALSE: return str_add(out, "false");
    case JSON_NULL: return str_add(out, "null");
    case JSON_OBJECT: return str_add(out, "{}"); /* those that are not empty do not come here */
    case JSON_ARRAY: return str_add(out, "[]");
    }
    return ERR_OK;
}

static bool is_block(const json_t *value) {
    return json_is_string(value) && without_nul(value) && block_text(json_string_value(value));
}

/* An object or array that holds something. */
static bool is_tree(const json_t *value) {
    return json_object_size(value) > 0 || json_array_size(value) > 0;
}

/* "[a, b]" into `text` when it is a short list of values of one line; else left empty. */
static err flow_text(const json_t *list, struct str *text) {
    TRY(str_add(text, "["));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        bool flows = !is_tree(item) && !is_block(item);
        if (flows && i > 0) TRY(str_add(text, ", "));
        if (flows) TRY(write_scalar(item, text));
        if (!flows || (text->len > FLOW_MAX_BYTES && json_array_size(list) > 1)) {
            str_clear(text);
            return ERR_OK;
        }
    }
    return str_add(text, "]");
}

/* Appends `before` and the list in that form where it has one; *done tells. */
static err write_flow(const json_t *list, const char *before, struct str *out, bool *done) {
    struct str text = {0};
    err code = flow_text(list, &text);
    *done = code == ERR_OK && text.len > 0;
    if (*done) code = str_printf(out, "%s%s", before, str_text(&text));
    str_release(&text);
    return code;
}

static err comment_above(struct writer *w, int indent) {
    if (!w->comments || !w->comments->above) return ERR_OK;
    const char *text = w->comments->above(w->comments->ctx, w->path);
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        TRY(str_printf(w->out, "%*s# %.*s\n", indent, "", (int)len, text));
        text += len + (text[len] == '\n');
    }
    return ERR_OK;
}

static err comment_behind(struct writer *w) {
    const char *text = NULL;
    if (w->comments && w->comments->behind) text = w->comments->behind(w->comments->ctx, w->path);
    return text ? str_printf(w->out, "  # %s\n", text) : str_add(w->out, "\n");
}

static err write_map(struct writer *w, const json_t *map, int indent, bool in_line);
static err write_item(struct writer *w, const json_t *item, int indent);

/* The items of a list, a line or more each; `in_line`: the first one stands behind "- ". */
static err write_items(struct writer *w, const json_t *list, int indent, bool in_line) {
    size_t path_len = strlen(w->path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        (void)snprintf(w->path + path_len, sizeof(w->path) - path_len, ".%zu", i);
        if (!in_line) TRY(str_printf(w->out, "%*s", indent, ""));
        in_line = false;
        TRY(str_add(w->out, "- "));
        TRY(write_item(w, item, indent + INDENT));
    }
    w->path[path_len] = '\0';
    return ERR_OK;
}

/* What stands behind "- ". */
static err write_item(struct writer *w, const json_t *item, int indent) {
    bool flow = false;
    if (json_is_object(item) && is_tree(item)) return write_map(w, item, indent, true);
    if (json_is_array(item)) TRY(write_flow(item, "", w->out, &flow));
    if (json_is_array(item) && !flow) return write_items(w, item, indent, true);
    if (is_block(item)) return write_block(json_string_value(item), indent, w->out);
    if (!flow) TRY(write_scalar(item, w->out));
    return str_add(w->out, "\n");
}

static err write_list(struct writer *w, const json_t *list, int indent) {
    bool flow;
    TRY(write_flow(list, " ", w->out, &flow));
    if (flow) return comment_behind(w);
    TRY(str_add(w->out, "\n"));
    return write_items(w, list, indent, false);
}

static err write_key(const char *key, struct str *out) {
    size_t before = out->len;
    TRY(recipe_write_text(key, out));
    if (out->len - before > KEY_MAX_BYTES)
        return fail(ERR_LIMIT, "a key of more than %d bytes", KEY_MAX_BYTES);
    return str_add(out, ":");
}

/* What stands behind "key:". */
static err write_value(struct writer *w, const json_t *value, int indent) {
    if (json_is_object(value) && json_object_size(value) == 0) return str_add(w->out, " {}\n");
    if (json_is_object(value)) {
        TRY(str_add(w->out, "\n"));
        return write_map(w, value, indent + INDENT, false);
    }
    if (json_is_array(value)) return write_list(w, value, indent + INDENT);
    TRY(str_add(w->out, " "));
    if (is_block(value)) return write_block(json_string_value(value), indent + INDENT, w->out);
    TRY(write_scalar(value, w->out));
    return comment_behind(w);
}

/* `in_line`: the first key stands behind "- ". */
static err write_map(struct writer *w, const json_t *map, int indent, bool in_line) {
    size_t path_len = strlen(w->path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value) {
        (void)snprintf(w->path + path_len, sizeof(w->path) - path_len, "%s%s",
                       path_len > 0 ? "." : "", key);
        if (!in_line) {
            TRY(comment_above(w, indent));
            TRY(str_printf(w->out, "%*s", indent, ""));
        }
        in_line = false;
        TRY(write_key(key, w->out));
        TRY(write_value(w, value, indent));
    }
    w->path[path_len] = '\0';
    return ERR_OK;
}

err recipe_write(const json_t *value, const struct recipe_comments *comments, struct str *out) {
    struct writer w = {.out = out, .comments = comments};
    if (!is_tree(value)) return str_add(out, "{}\n");
    return write_map(&w, value, 0, false);
}
