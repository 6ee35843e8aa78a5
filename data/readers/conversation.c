/* SPDX-License-Identifier: Apache-2.0
 * Messages to turns: words are gathered into a prompt until the assistant answers it. The contract,
 * with the form of tool calls, is data/readers/conversation.h; which part of an answer is trained
 * is data/readers/trained.c's. */
#include "data/readers/conversation.h"
#include "data/readers/conversation_int.h"
#include <string.h>

enum role { ROLE_NONE, ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, ROLE_CALL };
static const struct {
    const char *word;
    enum role role;
} roles[] = {
#define ROLE(word, who) {word, ROLE_##who},
#include "data/readers/roles.def"
#undef ROLE
};

struct conversation {
    struct str opening; /* the system's words and the tools: a line above the first prompt */
    struct str prompt;  /* what no answer has followed yet */
    struct str answer;
    const char *last; /* word of the message before; NULL: none */
    enum role last_role;
    const json_t *calls; /* the last answer's, or NULL */
    bool tools_said;
    struct draft *out;
};

struct message {
    const json_t *json;
    const char *word;
    enum role role;
    struct str content;
};

static err add_line(struct str *out, struct span text) {
    if (out->len > 0 && text.n > 0) TRY(str_add(out, "\n"));
    return str_append(out, text.text, text.n);
}

static err add_str_line(struct str *out, const struct str *text) {
    return add_line(out, (struct span){str_text(text), text->len});
}

/* {"key":value} as a line; takes over `value`. */
static err add_json_line(struct str *out, const char *key, json_t *value) {
    struct str text = {0};
    json_t *object = json_object();
    if (!object) {
        json_decref(value);
        return fail(ERR_MEMORY, "out of memory");
    }
    err e = json_put(object, key, value);
    if (e == ERR_OK) e = json_text(object, 0, &text);
    if (e == ERR_OK) e = add_str_line(out, &text);
    str_release(&text);
    json_decref(object);
    return e;
}

/* ---- tools ---- */

/* A value that may be written as JSON or as a text that holds JSON. The caller json_decref()s. */
static err unwrap(const json_t *value, const char *name, json_t **out) {
    *out = NULL;
    if (!json_is_string(value)) {
        *out = json_incref((json_t *)value);
        return ERR_OK;
    }
    return json_parse(json_string_value(value), json_string_length(value), name, out);
}

static err add_tools(struct conversation *c, const json_t *tools) {
    json_t *list;
    c->tools_said = true;
    bool empty = json_is_string(tools) ? json_string_length(tools) == 0
                                       : json_is_array(tools) && json_array_size(tools) == 0;
    if (!tools || json_is_null(tools) || empty) return ERR_OK;
    TRY(unwrap(tools, "tools", &list));
    if (json_is_array(list)) return add_json_line(&c->opening, "tools", list);
    json_decref(list);
    return fail(ERR_PARSE, "'tools' is not a list");
}

/* {"name", "arguments"} of a call in either form: {"function": {...}}, or the two themselves. */
static err add_call(const json_t *call, json_t *list) {
    const json_t *function = json_object_get(call, "function");
    const char *name;
    json_t *arguments, *item = json_object();
    if (!function) function = call;
    TRY(json_push(list, item));
    TRY(json_need_string(function, "name", &name));
    const json_t *given = json_object_get(function, "arguments");
    if (!given) return fail(ERR_PARSE, "call of '%s': 'arguments' is missing", name);
    TRY(unwrap(given, "arguments", &arguments));
    if (!json_is_object(arguments)) {
        json_decref(arguments);
        return fail(ERR_PARSE, "call of '%s': 'arguments' is not an object", name);
    }
    err e = json_put(item, "name", json_string(name));
    if (e == ERR_OK) return json_put(item, "arguments", arguments);
    json_decref(arguments);
    return e;
}

static err add_calls(struct str *out, const json_t *calls) {
    json_t *list = json_array();
    size_t i;
    const json_t *call;
    err e = list ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    json_array_foreach(calls, i, call) if (e == ERR_OK) e = add_call(call, list);
    if (e == ERR_OK) return add_json_line(out, "tool_calls", list);
    json_decref(list);
    return e;
}

/* The function whose call this is the result of, by its id; NULL: not said. */
static err called_name(const struct conversation *c, const json_t *message, const char **out) {
    const char *id = json_string_value(json_object_get(message, "tool_call_id"));
    *out = json_string_value(json_object_get(message, "name"));
    if (!id || !c->calls) return ERR_OK;
    size_t i;
    const json_t *call;
    json_array_foreach(c->calls, i, call) {
        const char *own = json_string_value(json_object_get(call, "id"));
        if (!own || strcmp(own, id) != 0) continue;
        const json_t *function = json_object_get(call, "function");
        const char *name = json_string_value(json_object_get(function ? function : call, "name"));
        if (name) *out = name;
        return ERR_OK;
    }
    return fail(ERR_PARSE, "'tool_call_id' '%s' is no call of the answer before", id);
}

static err add_result(struct conversation *c, const struct message *m) {
    const char *name;
    TRY(called_name(c, m->json, &name));
    json_t *result = json_object();
    err e = result ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK && name) e = json_put(result, "name", json_string(name));
    if (e == ERR_OK)
        e = json_put(result, "content", json_stringn(str_text(&m->content), m->content.len));
    if (e == ERR_OK) return add_json_line(&c->prompt, "tool_result", result);
    json_decref(result);
    return e;
}

/* ---- messages ---- */

/* A text, null, or a list of parts {"type": "text", "text"}, which are one text. */
static err read_content(const json_t *content, const char *key, struct str *out) {
    size_t i;
    const json_t *part;
    str_clear(out);
    if (!content || json_is_null(content)) return ERR_OK;
    if (json_is_string(content))
        return str_append(out, json_string_value(content), json_string_length(content));
    if (!json_is_array(content)) return fail(ERR_PARSE, "'%s' is not a string", key);
    json_array_foreach(content, i, part) {
        struct span text;
        const char *type = json_text_of(part, "type");
        if (!json_is_object(part) || strcmp(type, "text") != 0)
            return fail(ERR_UNSUPPORTED, "part %zu of '%s' is '%s'; only text can be trained",
                        i + 1, key, type);
        TRY(record_need_text(part, "text", &text));
        TRY(str_append(out, text.text, text.n));
    }
    return ERR_OK;
}

static err read_message(const json_t *json, struct message *m) {
    if (!json_is_object(json)) return fail(ERR_PARSE, "not an object");
    bool short_keys = json_object_get(json, "from") && !json_object_get(json, "role");
    const char *content_key = short_keys ? "value" : "content";
    m->json = json;
    m->role = ROLE_NONE;
    TRY(json_need_string(json, short_keys ? "from" : "role", &m->word));
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].word, m->word) == 0) m->role = roles[i].role;
    if (m->role == ROLE_NONE)
        return fail(ERR_UNSUPPORTED, "role '%s' is none of system, user, assistant, tool", m->word);
    const json_t *content = json_object_get(json, content_key);
    if (!content && !json_object_get(json, "tool_calls"))
        return fail(ERR_PARSE, "'%s' is missing", content_key);
    return read_content(content, content_key, &m->content);
}

static err out_of_order(const struct conversation *c, const struct message *m) {
    return fail(ERR_PARSE, "'%s' comes after %s%s%s", m->word, c->last ? "'" : "",
                c->last ? c->last : "nothing", c->last ? "'" : "");
}

/* Words that wait for an answer; those of the opening stand above the first ones. */
static err add_prompt(struct conversation *c, const struct message *m) {
    if (c->out->sample.n == 0 && c->prompt.len == 0) TRY(add_str_line(&c->prompt, &c->opening));
    return m->role == ROLE_TOOL ? add_result(c, m) : add_str_line(&c->prompt, &m->content);
}

static err add_answer(struct conversation *c, const struct message *m) {
    const json_t *calls = json_object_get(m->json, "tool_calls");
    if (calls && !json_is_null(calls) && !json_is_array(calls))
        return fail(ERR_PARSE, "'tool_calls' is not a list");
    c->calls = json_array_size(calls) > 0 ? calls : NULL;
    str_clear(&c->answer);
    if (m->role == ROLE_CALL) {
        json_t *call, *list = NULL;
        TRY(json_parse(str_text(&m->content), m->content.len, m->word, &call));
        err e = ERR_OK;
        if (!json_is_array(call)) {
            list = json_array();
            e = json_push(list, json_incref(call));
        }
        if (e == ERR_OK) e = add_calls(&c->answer, list ? list : call);
        json_decref(list);
        json_decref(call);
        TRY(e);
    } else {
        TRY(add_str_line(&c->answer, &m->content));
        if (c->calls) TRY(add_calls(&c->answer, c->calls));
    }
    struct span prompt = {str_text(&c->prompt), c->prompt.len};
    struct span answer = {str_text(&c->answer), c->answer.len};
    TRY(draft_turn(c->out, prompt, answer));
    str_clear(&c->prompt);
    return conversation_trained(m->json, c->out);
}

static err add_message(struct conversation *c, const struct message *m) {
    bool after_answer = c->last_role == ROLE_ASSISTANT || c->last_role == ROLE_CALL;
    switch (m->role) {
    case ROLE_SYSTEM:
        if (c->last) return fail(ERR_PARSE, "'%s' is not the first message", m->word);
        if (c->opening.len > 0) return fail(ERR_PARSE, "there are two system texts");
        return add_str_line(&c->opening, &m->content);
    case ROLE_USER:
        if (c->last_role == ROLE_USER) return out_of_order(c, m);
        TRY(conversation_untrained(m->json));
        return add_prompt(c, m);
    case ROLE_TOOL:
        if (!after_answer && c->last_role != ROLE_TOOL) return out_of_order(c, m);
        TRY(conversation_untrained(m->json));
        return add_prompt(c, m);
    case ROLE_ASSISTANT:
    case ROLE_CALL:
        if (after_answer || !c->last || c->last_role == ROLE_SYSTEM) return out_of_order(c, m);
        return add_answer(c, m);
    case ROLE_NONE: break;
    }
    return ERR_OK;
}

static err read_messages(struct conversation *c, const json_t *record, const char *key) {
    struct message m = {0};
    struct span system;
    json_t *messages;
    const json_t *json;
    size_t i;
    TRY(json_need_array(record, key, &messages));
    TRY(record_text(record, "system", &system));
    TRY(add_line(&c->opening, system));
    err e = ERR_OK;
    json_array_foreach(messages, i, json) {
        e = read_message(json, &m);
        /* The tools stand below the system's words, wherever those are written. */
        if (e == ERR_OK && !c->tools_said && m.role != ROLE_SYSTEM)
            e = add_tools(c, json_object_get(record, "tools"));
        if (e == ERR_OK) e = add_message(c, &m);
        if (e != ERR_OK) {
            e = fail_in(e, "message %zu", i + 1);
            break;
        }
        c->last = m.word;
        c->last_role = m.role;
    }
    str_release(&m.content);
    bool ends = c->last_role == ROLE_ASSISTANT || c->last_role == ROLE_CALL;
    if (e == ERR_OK && !ends) e = fail(ERR_PARSE, "the last message is not the assistant's");
    return e;
}

err conversation_read(const json_t *record, const char *key, struct draft *out) {
    struct conversation c = {.out = out};
    err e = read_messages(&c, record, key);
    str_release(&c.opening);
    str_release(&c.prompt);
    str_release(&c.answer);
    return e;
}
