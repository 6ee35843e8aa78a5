/* SPDX-License-Identifier: Apache-2.0
 * Records of chat messages: `messages`, a list of {"role": system|user|assistant, "content"}. A
 * system message may come first and stands a line above the first prompt. User and assistant
 * alternate, and the assistant has the last word. A message's `weight` of 0 makes an answer context
 * only. */
#include "base/str.h"
#include "data/readers/reader.h"
#include <string.h>

static bool fits(const json_t *record) {
    return json_object_get(record, "messages") != NULL;
}

struct conversation {
    struct str prompt; /* the system's and the user's words that no answer has followed yet */
    const char *last;  /* role of the message before; NULL: none */
    struct draft *out;
};

static err need_before(const struct conversation *c, const char *role, const char *wanted) {
    bool right = c->last && strcmp(c->last, wanted) == 0;
    if (right) return ERR_OK;
    return fail(ERR_PARSE, "'%s' comes after %s%s%s", role, c->last ? "'" : "",
                c->last ? c->last : "nothing", c->last ? "'" : "");
}

static err add_answer(struct conversation *c, const json_t *message, struct span content) {
    const json_t *weight = json_object_get(message, "weight");
    TRY(need_before(c, "assistant", "user"));
    if (weight && !(json_is_integer(weight) && json_integer_value(weight) >= 0 &&
                    json_integer_value(weight) <= 1))
        return fail(ERR_PARSE, "'weight' is neither 0 nor 1");
    TRY(draft_turn(c->out, (struct span){str_text(&c->prompt), c->prompt.len}, content));
    if (weight)
        c->out->sample.turns[c->out->sample.n - 1].trained = json_integer_value(weight) == 1;
    str_clear(&c->prompt);
    return ERR_OK;
}

static err add_message(struct conversation *c, const json_t *message) {
    const char *role;
    struct span content;
    if (!json_is_object(message)) return fail(ERR_PARSE, "not an object");
    TRY(json_need_string(message, "role", &role));
    if (json_object_get(message, "tool_calls"))
        return fail(ERR_UNSUPPORTED, "'tool_calls' cannot be trained yet");
    TRY(record_need_text(message, "content", &content));
    if (strcmp(role, "system") == 0) {
        if (c->last) return fail(ERR_PARSE, "'system' is not the first message");
        TRY(str_append(&c->prompt, content.text, content.n));
        if (content.n > 0) TRY(str_add(&c->prompt, "\n"));
    } else if (strcmp(role, "user") == 0) {
        if (c->last && strcmp(c->last, "user") == 0) TRY(need_before(c, role, "assistant"));
        TRY(str_append(&c->prompt, content.text, content.n));
    } else if (strcmp(role, "assistant") == 0) {
        TRY(add_answer(c, message, content));
    } else {
        return fail(ERR_UNSUPPORTED, "role '%s' is none of system, user, assistant", role);
    }
    c->last = role;
    return ERR_OK;
}

static err read_record(const json_t *record, struct draft *out) {
    struct conversation c = {.out = out};
    json_t *messages;
    const json_t *message;
    size_t i;
    TRY(json_need_array(record, "messages", &messages));
    err e = ERR_OK;
    json_array_foreach(messages, i, message) {
        e = add_message(&c, message);
        if (e != ERR_OK) {
            e = fail_in(e, "message %zu", i + 1);
            break;
        }
    }
    if (e == ERR_OK && !(c.last && strcmp(c.last, "assistant") == 0))
        e = fail(ERR_PARSE, "the last message is not the assistant's");
    str_release(&c.prompt);
    return e;
}

const struct reader reader_messages = {
    .name = "messages",
    .summary = "JSON records {\"messages\": [{\"role\", \"content\"}, ...]}",
    .record = read_record,
    .fits = fits,
};
