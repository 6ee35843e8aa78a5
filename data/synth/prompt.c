/* SPDX-License-Identifier: Apache-2.0
 * The parts of questions that all of them share. What is asked for is JSON, and examples are shown
 * as the JSON that is wanted back: a model that copies their form has answered in form.
 * Read next: data/synth/prompt.h, the contract. */
#include "data/synth/prompt.h"

#include "base/json.h"
#include "data/text/normal.h"
#include <string.h>

static void count(const char *text, int64_t *n, int64_t *n_dense) {
    size_t length = text ? strlen(text) : 0;
    for (size_t i = 0; i < length; ++*n) {
        uint32_t codepoint;
        i += utf8_next_any(text + i, length - i, &codepoint);
        *n_dense += normal_dense(codepoint);
    }
}

bool prompt_is_chinese(const struct request *r) {
    int64_t n = 0, n_dense = 0;
    count(r->scenario, &n, &n_dense);
    count(r->capability, &n, &n_dense);
    for (int64_t i = 0; i < r->n_examples; i++) {
        count(r->examples[i].prompt, &n, &n_dense);
        count(r->examples[i].response, &n, &n_dense);
    }
    return n_dense * 10 >= n && n_dense > 0;
}

err prompt_add(struct str *out, bool in_chinese, const char *chinese, const char *english) {
    return str_add(out, in_chinese ? chinese : english);
}

err prompt_add_task(struct str *out, const struct request *r, bool chinese) {
    if (r->scenario) {
        TRY(prompt_add(out, chinese, "场景：", "Scenario: "));
        TRY(str_printf(out, "%s\n", r->scenario));
    }
    if (!r->capability) return ERR_OK;
    TRY(prompt_add(out, chinese, "能力：", "Capability: "));
    return str_printf(out, "%s\n", r->capability);
}

err prompt_add_pair(struct str *out, const char *prompt, const char *response) {
    json_t *pair = json_pack("{s:s, s:s}", "prompt", prompt, "response", response);
    err e = pair ? json_text(pair, 0, out) : fail(ERR_MEMORY, "out of memory for a question");
    json_decref(pair);
    return e == ERR_OK ? str_add(out, "\n") : e;
}

err prompt_add_examples(struct str *out, const struct request *r, bool chinese) {
    if (r->n_examples == 0) return ERR_OK;
    TRY(prompt_add(out, chinese, "示例：\n", "Examples:\n"));
    for (int64_t i = 0; i < r->n_examples; i++)
        TRY(prompt_add_pair(out, r->examples[i].prompt, r->examples[i].response));
    return ERR_OK;
}
