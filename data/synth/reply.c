/* SPDX-License-Identifier: Apache-2.0
 * Looks for JSON in what a teacher says: the whole text, then a code fence's, then the first
 * bracket that closes again. What is found is parsed by base/json.h or it is none.
 * Read next: data/synth/reply.h, the contract. */
#include "data/synth/reply.h"

#include "data/text/span.h"
#include <string.h>

const char *reply_form_word(enum reply_form form) {
    static const char *const words[] = {"bare", "fenced", "prose", "none"};
    return words[form];
}

/* Lists within become their items. */
static err flatten(json_t *values, json_t *out) {
    size_t i, k;
    json_t *value, *item;
    json_array_foreach(values, i, value) {
        if (!json_is_array(value)) TRY(json_push(out, json_incref(value)));
        json_array_foreach(value, k, item) TRY(json_push(out, json_incref(item)));
    }
    return ERR_OK;
}

/* Whether the text is JSON and nothing else; its values are appended then. */
static err take(struct span text, json_t *out, bool *out_taken) {
    json_t *values = NULL;
    *out_taken = false;
    text = span_strip(text);
    if (text.n == 0 || !strchr("{[", text.text[0])) return ERR_OK;
    err e = json_parse_all(text.text, text.n, "answer", &values);
    if (e == ERR_PARSE) return ERR_OK;
    TRY(e);
    *out_taken = true;
    e = flatten(values, out);
    json_decref(values);
    return e;
}

bool reply_fence(const char *text, struct span *out, bool *out_alone) {
    const char *open = strstr(text, "```"), *line = open ? strchr(open, '\n') : NULL;
    const char *close = line ? strstr(line, "```") : NULL;
    if (!close) return false;
    *out = (struct span){line + 1, (size_t)(close - line - 1)};
    *out_alone = span_blank((struct span){text, (size_t)(open - text)}) &&
                 span_blank((struct span){close + 3, strlen(close + 3)});
    return true;
}

/* From a bracket to the one that closes it; brackets in strings do not count. */
static bool find_brackets(const char *from, struct span *out) {
    bool in_string = false;
    int64_t depth = 0;
    for (const char *at = from; *at; at++) {
        if (in_string && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            in_string = !in_string;
        else if (!in_string && (*at == '{' || *at == '['))
            depth++;
        else if (!in_string && (*at == '}' || *at == ']') && --depth == 0) {
            *out = (struct span){from, (size_t)(at - from) + 1};
            return true;
        }
    }
    return false;
}

static err read(const char *text, json_t *out, enum reply_form *form) {
    struct span part;
    bool taken, alone;
    enum { PLACES_MAX = 64 }; /* brackets tried: time stays linear */
    *form = REPLY_BARE;
    TRY(take((struct span){text, strlen(text)}, out, &taken));
    if (taken) return ERR_OK;
    if (reply_fence(text, &part, &alone)) {
        *form = alone ? REPLY_FENCED : REPLY_PROSE;
        TRY(take(part, out, &taken));
        if (taken) return ERR_OK;
    }
    *form = REPLY_PROSE;
    const char *at = text;
    for (int i = 0; i < PLACES_MAX && (at = strpbrk(at, "{[")); i++, at++) {
        if (!find_brackets(at, &part)) continue;
        TRY(take(part, out, &taken));
        if (taken) return ERR_OK;
    }
    *form = REPLY_NONE;
    return ERR_OK;
}

err reply_read(const char *text, json_t **out, enum reply_form *out_form) {
    *out = json_array();
    if (!*out) return fail(ERR_MEMORY, "out of memory for an answer");
    err e = read(text, *out, out_form);
    if (e == ERR_OK) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return e;
}
