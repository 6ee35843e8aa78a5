/* SPDX-License-Identifier: Apache-2.0
 * The protocol's texts: a question as JSON, and an answer of any kind as an outcome.
 * Source: OpenAI's API reference, "create chat completion": messages, temperature, top_p,
 * max_tokens, seed; choices[0].message.content, choices[0].finish_reason, usage.
 * Read next: remote/chat_int.h, the contract. */
#include "remote/chat_int.h"

#include "base/json.h"
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WORDS_MAX = 200, RETRY_AFTER_MAX_S = 600, TOKENS_MAX = 1 << 30 };

const char *chat_outcome_word(enum chat_outcome outcome) {
    static const char *const words[] = {
#define OUTCOME(name, word, again, help) word,
        CHAT_OUTCOMES(OUTCOME)
#undef OUTCOME
    };
    return words[outcome];
}

err chat_body(const struct chat_options *o, const struct chat_question *q, struct str *out) {
    str_clear(out);
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:f, s:I}", "model", o->model, "messages",
                             "role", "user", "content", q->prompt, "temperature", o->temperature,
                             "max_tokens", (json_int_t)o->max_new_tokens);
    err e = body ? ERR_OK : fail(ERR_MEMORY, "out of memory for a question");
    if (e == ERR_OK && o->top_p > 0) e = json_put(body, "top_p", json_real(o->top_p));
    if (e == ERR_OK && q->seed >= 0) e = json_put(body, "seed", json_integer(q->seed));
    if (e == ERR_OK) e = json_text(body, 0, out);
    json_decref(body);
    return e;
}

err chat_retry_after(const struct http_answer *answer, int64_t now_s, int64_t *out_s,
                     bool *out_found) {
    struct str text = {0};
    struct tm t = {0};
    *out_s = 0;
    err e = http_header(answer, "retry-after", &text, out_found);
    if (e == ERR_OK && *out_found && str_to_int64(str_text(&text), out_s) != ERR_OK) {
        *out_found = strptime(str_text(&text), "%a, %d %b %Y %H:%M:%S GMT", &t) != NULL;
        *out_s = *out_found ? (int64_t)timegm(&t) - now_s : 0;
    }
    if (*out_s < 0) *out_s = 0;
    if (*out_s > RETRY_AFTER_MAX_S) *out_s = RETRY_AFTER_MAX_S;
    str_release(&text);
    return e;
}

/* The beginning of a stranger's text, fit for one line. */
static err add_words(const struct str *text, struct str *out) {
    for (size_t i = 0; i < text->len && i < WORDS_MAX;) {
        uint32_t codepoint;
        size_t n = utf8_next_any(text->data + i, text->len - i, &codepoint);
        bool plain = codepoint >= 32 && codepoint != 127 && (codepoint < 128 || codepoint >= 160);
        TRY(str_codepoint(out, plain && !utf8_invisible(codepoint) ? codepoint : ' '));
        i += n;
    }
    return ERR_OK;
}

static err is_json(const struct http_answer *a, bool *out) {
    struct str type = {0};
    err e = http_header(a, "content-type", &type, out);
    const char *text = str_text(&type);
    *out = strncasecmp(text, "application/json", strcspn(text, "; ")) == 0 &&
           strcspn(text, "; ") == strlen("application/json");
    str_release(&type);
    return e;
}

/* What the endpoint says, else a guess from the text. */
static int64_t tokens_of(const json_t *usage, const char *key, size_t n_bytes) {
    const json_t *value = json_object_get(usage, key);
    int64_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    return n >= 0 && n <= TOKENS_MAX ? n : (int64_t)(n_bytes + 2) / 3;
}

static err take_choice(const json_t *value, const char *url, size_t n_prompt,
                       struct chat_answer *out) {
    const json_t *choice = json_array_get(json_object_get(value, "choices"), 0);
    const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
    const json_t *usage = json_object_get(value, "usage");
    size_t n = json_string_length(content);
    out->outcome = CHAT_MALFORMED;
    if (!json_is_string(content))
        return str_printf(&out->why, "'%s': the answer has no choices[0].message.content", url);
    out->outcome = CHAT_EMPTY;
    if (strspn(json_string_value(content), " \t\r\n") == n)
        return str_printf(&out->why, "'%s': the answer is empty", url);
    out->outcome = CHAT_MALFORMED;
    if (memchr(json_string_value(content), 0, n))
        return str_printf(&out->why, "'%s': the answer has a NUL in it", url);
    out->outcome = CHAT_LONG;
    if (strcmp(json_text_of(choice, "finish_reason"), "length") == 0)
        return str_printf(&out->why, "'%s': the answer was cut off by max_new_tokens", url);
    out->outcome = CHAT_ANSWERED;
    out->answer_tokens = tokens_of(usage, "completion_tokens", n);
    out->prompt_tokens = tokens_of(usage, "prompt_tokens", n_prompt);
    return str_append(&out->text, json_string_value(content), n);
}

static err take_success(const struct http_answer *a, const char *url, size_t n_prompt,
                        struct chat_answer *out) {
    bool json;
    json_t *value = NULL;
    TRY(is_json(a, &json));
    out->outcome = CHAT_FOREIGN;
    if (!json && a->body.len > 0)
        return str_printf(&out->why, "'%s' sent something that is no application/json", url);
    out->outcome = CHAT_EMPTY;
    if (a->body.len == 0) return str_printf(&out->why, "'%s' sent nothing", url);
    out->outcome = CHAT_MALFORMED;
    err e = json_parse(a->body.data, a->body.len, url, &value);
    if (e == ERR_PARSE) return str_add(&out->why, err_message());
    TRY(e);
    e = take_choice(value, url, n_prompt, out);
    json_decref(value);
    return e;
}

static err take_failure(const struct http_answer *a, const char *url, struct chat_answer *out) {
    if (a->status == 429)
        out->outcome = CHAT_BUSY;
    else
        out->outcome = a->status >= 500 || a->status == 408 ? CHAT_SERVER : CHAT_REFUSED;
    TRY(str_printf(&out->why, "'%s' answered %ld: ", url, a->status));
    return add_words(&a->body, &out->why);
}

err chat_take(const struct http_done *done, const char *url, size_t n_prompt,
              struct chat_answer *out) {
    const struct http_answer *a = done->answer;
    str_clear(&out->text);
    str_clear(&out->why);
    out->prompt_tokens = out->answer_tokens = 0;
    if (done->failed == ERR_OK && a->status == 200) return take_success(a, url, n_prompt, out);
    if (done->failed == ERR_OK) return take_failure(a, url, out);
    if (done->failed == ERR_LIMIT)
        out->outcome = CHAT_HUGE;
    else if (done->failed == ERR_IO && a->stalled)
        out->outcome = CHAT_LATE;
    else if (done->failed == ERR_IO)
        out->outcome = CHAT_BROKEN;
    else
        return done->failed;
    return str_add(&out->why, err_message());
}
