/* SPDX-License-Identifier: Apache-2.0
 * Joining turns. Messages are kept as they are written into prompts, so a turn reads the same in
 * every later prompt.
 * Read next: cli/conversation.h, the contract. */
#include "cli/conversation.h"
#include "base/mem.h"
#include <string.h>

static const char *const written[] = {[NEWLINE_AS_NEWLINE] = "\n", [NEWLINE_AS_N] = "<n>"};

err newline_as_parse(const char *name, enum newline_as *out) {
    *out = strcmp(name, "n") == 0 ? NEWLINE_AS_N : NEWLINE_AS_NEWLINE;
    if (*out == NEWLINE_AS_N || strcmp(name, "newline") == 0) return ERR_OK;
    return fail(ERR_USAGE, "'%s' is neither newline nor n", name);
}

err conversation_write(const struct conversation *c, const char *text, size_t n, struct str *out) {
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            TRY(str_add(out, written[c->in_messages]));
        else
            TRY(str_append(out, &text[i], 1));
    }
    return ERR_OK;
}

err conversation_prompt(const struct conversation *c, const char *question, struct str *out) {
    for (int64_t i = 0; i < 2 * c->n_turns; i++) {
        TRY(str_add(out, c->turns[i]));
        TRY(str_add(out, written[c->separator]));
    }
    return str_add(out, question);
}

void conversation_drop_oldest(struct conversation *c) {
    mem_free(c->turns[0]);
    mem_free(c->turns[1]);
    c->n_turns--;
    memmove(c->turns, c->turns + 2, (size_t)(2 * c->n_turns) * sizeof *c->turns);
}

err conversation_add(struct conversation *c, const char *question, const char *answer) {
    if (c->max_turns == 0) return ERR_OK;
    if (c->n_turns == c->max_turns) conversation_drop_oldest(c);
    char **grown = mem_resize(c->turns, (size_t)(2 * c->n_turns) + 2, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    c->turns = grown;
    char *first = mem_strdup(question), *second = mem_strdup(answer);
    if (!first || !second) {
        mem_free(first);
        mem_free(second);
        return ERR_MEMORY;
    }
    c->turns[2 * c->n_turns] = first;
    c->turns[2 * c->n_turns + 1] = second;
    c->n_turns++;
    return ERR_OK;
}

void conversation_release(struct conversation *c) {
    while (c->n_turns) conversation_drop_oldest(c);
    mem_free(c->turns);
    c->turns = NULL;
}
