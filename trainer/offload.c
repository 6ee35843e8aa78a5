/* SPDX-License-Identifier: Apache-2.0
 * Streaming of optimiser states. Pieces take the two places by turns; the backend orders a fetch
 * behind the store that used the place before (struct backend, slots), and the host waits for
 * nothing until the step ends.
 * Read next: trainer/offload.h. */
#include "trainer/offload.h"

#include <string.h>

enum {
    PLACES = 2,
    PIECE = 1 << 20,   /* elements; a multiple of every block */
    ELEMENT_BYTES = 8, /* of all states together, at most: two in fp32 */
};

bool offload_wanted(const struct train_options *o, const struct compute *c, const char *what) {
    if (!o->offload || c->backend->host_memory) return false;
    return strcmp(o->offload, what) == 0 || strcmp(o->offload, "all") == 0;
}

void offload_plan(struct offload *f, struct plan *plan) {
    f->place_bytes = (size_t)PIECE * ELEMENT_BYTES;
    f->at = plan_add(plan, PLAN_OPTIMIZER, "states on their way", PLACES * f->place_bytes);
}

void offload_place(struct offload *f, const struct plan *plan) {
    f->places = plan_at(plan, f->at);
}

/* One piece, in the slot's place. */
static err update_piece(struct offload *f, struct compute *c, const struct optimizer_kind *kind,
                        const struct optimizer_update *u, const struct optimizer_state *states,
                        int n_states) {
    const struct backend *b = c->backend;
    const int slot = SLOT_STATES + f->next;
    char *at = f->places + (size_t)f->next * f->place_bytes;
    struct optimizer_update piece = *u;
    char *hosts[OPTIMIZER_MAX_STATES];
    size_t bytes[OPTIMIZER_MAX_STATES];
    f->next = (f->next + 1) % PLACES;
    piece.state_begin = u->begin;
    for (int k = 0; k < n_states; k++) {
        const struct optimizer_state *s = &states[k];
        const int64_t size = dtype_bytes(s->dtype);
        bytes[k] = (size_t)((u->n + s->block - 1) / s->block * size);
        hosts[k] = (char *)u->state[k] + u->begin / s->block * size;
        piece.state[k] = at;
        TRY(b->fetch(c, slot, at, hosts[k], bytes[k]));
        at += (bytes[k] + 63) / 64 * 64;
    }
    BUG_IF(at > f->places + (size_t)PLACES * f->place_bytes);
    TRY(b->use(c, slot));
    TRY(kind->update(c, &piece));
    for (int k = 0; k < n_states; k++) TRY(b->store(c, slot, hosts[k], piece.state[k], bytes[k]));
    return ERR_OK;
}

err offload_update(struct offload *f, struct compute *c, const struct optimizer_kind *kind,
                   const struct optimizer_update *u, const struct optimizer_state *states, int n) {
    for (int64_t at = 0; at < u->n; at += PIECE) {
        struct optimizer_update piece = *u;
        piece.begin += at;
        piece.n = u->n - at < PIECE ? u->n - at : PIECE;
        piece.gradient.data = (const char *)u->gradient.data + at * dtype_bytes(u->gradient.dtype);
        TRY(update_piece(f, c, kind, &piece, states, n));
    }
    return ERR_OK;
}
