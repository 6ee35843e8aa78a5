/* SPDX-License-Identifier: Apache-2.0
 * Open addressing with linear probing and FNV-1a hashes, at most half full. Nothing iterates
 * over it, so the order of slots never reaches a result and the hash need not be secret or
 * stable. The contract is data/text/text_map.h. */
#include "data/text/text_map.h"
#include "base/mem.h"

struct text_map_slot {
    struct span key; /* text NULL: free */
    uint64_t hash;
    int64_t value;
};

static uint64_t hash_of(struct span key) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.n; i++) hash = (hash ^ (unsigned char)key.text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The key's slot, or the free one where it would go. */
static struct text_map_slot *find(const struct text_map *m, struct span key, uint64_t hash) {
    uint64_t mask = (uint64_t)m->capacity - 1, at = hash & mask;
    while (m->slots[at].key.text &&
           !(m->slots[at].hash == hash && span_equal(m->slots[at].key, key)))
        at = (at + 1) & mask;
    return &m->slots[at];
}

static err grow(struct text_map *m) {
    struct text_map bigger = {.n = m->n, .capacity = m->capacity ? 2 * m->capacity : 1024};
    bigger.slots = mem_zalloc((size_t)bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots) return ERR_MEMORY;
    for (int64_t i = 0; i < m->capacity; i++)
        if (m->slots[i].key.text) *find(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
    text_map_release(m);
    *m = bigger;
    return ERR_OK;
}

err text_map_add(struct text_map *m, struct span key, int64_t fresh, int64_t **out) {
    if (2 * m->n >= m->capacity) TRY(grow(m));
    if (!key.text) key.text = "";
    uint64_t hash = hash_of(key);
    struct text_map_slot *slot = find(m, key, hash);
    if (!slot->key.text) {
        *slot = (struct text_map_slot){key, hash, fresh};
        m->n++;
    }
    *out = &slot->value;
    return ERR_OK;
}

int64_t text_map_get(const struct text_map *m, struct span key, int64_t absent) {
    if (m->n == 0) return absent;
    const struct text_map_slot *slot = find(m, key, hash_of(key));
    return slot->key.text ? slot->value : absent;
}

void text_map_release(struct text_map *m) {
    mem_free(m->slots);
    *m = (struct text_map){0};
}
