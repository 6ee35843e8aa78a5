/* SPDX-License-Identifier: Apache-2.0
 * The entries of a ZIP archive that is mapped whole, each with the place of its bytes. Only what
 * torch.save writes: one disk, stored entries, zip64 or not. An archive library reads an entry
 * through a stream and does not say where in the file it lies, which is what mapping needs. Nothing
 * of the archive is believed: directory and local headers must tell the same, no two entries share
 * a byte, names differ and lead nowhere.
 * Read next: model/formats/torch_archive.h, the only user. */
#ifndef COTRAIN_MODEL_FORMATS_ZIP_H
#define COTRAIN_MODEL_FORMATS_ZIP_H

#include "base/arena.h"
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { ZIP_MAX_ENTRIES = 1 << 20, ZIP_MAX_NAME = 1024 };

struct zip_entry {
    const char *name;
    const uint8_t *data; /* into the mapped bytes */
    uint64_t size_bytes;
    uint32_t crc32; /* as the archive says; see zip_check */
};

struct zip {
    struct zip_entry *entries; /* sorted by name; the arena's */
    int64_t n;
};

/* Reads the directory of the archive in `data`, which must outlive `z`. Errors name the entry. */
MUST_CHECK err zip_open(struct zip *z, const uint8_t *data, size_t n, struct arena *arena);
const struct zip_entry *zip_find(const struct zip *z, const char *name); /* or NULL */
/* Whether the entry's bytes have its CRC-32. Reads all of them, so it is for small entries: that
 * the weights arrived whole is what their digests are for. */
MUST_CHECK err zip_check(const struct zip_entry *e);
uint32_t zip_crc32(const uint8_t *data, size_t n);

#endif
