/* SPDX-License-Identifier: Apache-2.0
 * Writing a release's GGUF files (release/gguf.h). Keys are those that the container's description
 * names; texts live in an arena until the file is written.
 * Read next: model/convert.h, release/gguf_vocabulary.h. */
#include "release/gguf.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/convert.h"
#include "release/card.h"
#include "release/gguf_vocabulary.h"
#include <string.h>

#define RELEASE_FORMAT(type, u) {"gguf-" #type, #type, u},
static const struct release_format kinds[] = {
#include "release/formats.def"
};
#undef RELEASE_FORMAT

err release_format_find(const char *name, const struct release_format **out) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        *out = &kinds[i];
        if (strcmp(kinds[i].name, name) == 0) return ERR_OK;
    }
    return fail(ERR_UNSUPPORTED, "format '%.40s' is not known", name);
}

json_t *release_formats_measured(const json_t *manifest) {
    const json_t *checks = json_object_get(manifest, "checks");
    return json_object_get(json_object_get(checks, "golden"), "formats");
}

/* ---- keys ---- */

struct noting {
    struct arena arena;
    struct gguf_note *notes;
    int64_t n, room;
};

static struct gguf_note *next_note(struct noting *k, const char *key) {
    if (key == NULL) return NULL;
    BUG_IF(k->n == k->room);
    struct gguf_note *note = &k->notes[k->n++];
    *note = (struct gguf_note){.key = key};
    return note;
}

static err note_text(struct noting *k, const char *key, const char *text) {
    struct gguf_note *note = next_note(k, key);
    if (note == NULL) return ERR_MEMORY;
    note->text = arena_strdup(&k->arena, text);
    return note->text != NULL ? ERR_OK : ERR_MEMORY;
}

static void note_count(struct noting *k, const char *key, int64_t n) {
    next_note(k, key)->n = n;
}

static err note_list(struct noting *k, const char *key, const json_t *list) {
    const size_t n = json_array_size(list);
    struct gguf_note *note = next_note(k, key);
    const char **texts = arena_alloc(&k->arena, n + 1, sizeof *texts);
    if (texts == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) texts[i] = json_string_value(json_array_get(list, i));
    note->texts = texts;
    note->n = (int64_t)n;
    return ERR_OK;
}

static err note_license(struct noting *k, const json_t *about) {
    const char *link = card_license_link(about), *license = json_text_of(about, "license");
    bool other = card_license_is_other(license);
    TRY(note_text(k, "general.license", other ? "other" : license));
    if (other) TRY(note_text(k, "general.license.name", license));
    return link != NULL ? note_text(k, "general.license.link", link) : ERR_OK;
}

/* "IEITYuan/Yuan2-2B-hf" is an organisation's; a name without one is taken as it stands. */
static err note_base(struct noting *k, const json_t *about) {
    const char *name = json_text_of(about, "base_model"), *slash = strrchr(name, '/');
    note_count(k, "general.base_model.count", 1);
    TRY(note_text(k, "general.base_model.0.name", slash != NULL ? slash + 1 : name));
    if (slash == NULL || slash == name) return ERR_OK;
    const char *who = arena_strndup(&k->arena, name, (size_t)(slash - name));
    return who != NULL ? note_text(k, "general.base_model.0.organization", who) : ERR_MEMORY;
}

static err note_source(struct noting *k, size_t i, const json_t *source) {
    static const char *const keys[] = {"name", "version", "description"};
    const char *license = json_string_value(json_object_get(source, "license"));
    const char *request = json_string_value(json_object_get(source, "request"));
    const char *texts[] = {json_text_of(source, "name"), json_text_of(source, "sha256"),
                           arena_printf(&k->arena, "SHA-256 as version; licence %s%s%s",
                                        license ? license : "not named",
                                        request ? "; for request " : "", request ? request : "")};
    for (size_t j = 0; j < sizeof keys / sizeof keys[0]; j++) {
        const char *key = arena_printf(&k->arena, "general.dataset.%zu.%s", i, keys[j]);
        if (texts[j] == NULL) return ERR_MEMORY;
        TRY(note_text(k, key, texts[j]));
    }
    return ERR_OK;
}

static err note_all(struct noting *k, const json_t *manifest, const json_t *dataset) {
    enum { OF_MODEL = 12, OF_SOURCE = 3 };
    const json_t *about = json_object_get(manifest, "about");
    const char *month = json_string_value(json_object_get(about, "month"));
    json_t *sources = NULL, *source = NULL;
    size_t i = 0;
    TRY(json_need_array(dataset, "sources", &sources));
    k->room = OF_MODEL + OF_SOURCE * (int64_t)json_array_size(sources);
    k->notes = arena_alloc(&k->arena, (size_t)k->room, sizeof *k->notes);
    if (k->notes == NULL) return ERR_MEMORY;
    if (month != NULL) TRY(note_text(k, "general.version", month));
    TRY(note_license(k, about));
    TRY(note_list(k, "general.languages", json_object_get(about, "languages")));
    TRY(note_base(k, about));
    note_count(k, "general.dataset.count", (int64_t)json_array_size(sources));
    json_array_foreach(sources, i, source) TRY(note_source(k, i, source));
    return ERR_OK;
}

/* ---- the file ---- */

err release_gguf_path(const char *format, const json_t *manifest, struct str *out) {
    const char *name = NULL;
    const struct release_format *f = NULL;
    TRY(release_format_find(format, &f));
    TRY(json_need_string(json_object_get(manifest, "about"), "name", &name));
    return str_printf(out, RELEASE_GGUF "/%s-%s.gguf", name, f->type);
}

static err convert(const struct release_format *f, const char *dir, const char *to,
                   struct gguf_notes *notes) {
    struct gguf_vocabulary vocabulary = {0};
    struct model_converted done;
    const struct model_conversion c = {
        .model = dir, .out = to, .format = "gguf", .type = f->type, .notes = notes};
    TRY(gguf_vocabulary_open(&vocabulary, dir, dir));
    gguf_vocabulary_describe(&vocabulary, notes);
    err result = model_convert(&c, &done);
    if (result == ERR_OK && done.n_overflowed > 0)
        result =
            fail(ERR_MISMATCH, "%lld weights are beyond %s", (long long)done.n_overflowed, f->type);
    gguf_vocabulary_close(&vocabulary);
    return result;
}

err release_gguf_write(const char *format, const char *dir, const json_t *manifest,
                       const json_t *dataset) {
    const struct release_format *f = NULL;
    struct noting k = {0};
    struct str path = {0};
    char *to = NULL;
    TRY(release_format_find(format, &f));
    err result = note_all(&k, manifest, dataset);
    if (result == ERR_OK) result = release_gguf_path(format, manifest, &path);
    if (result == ERR_OK && (to = path_join(dir, str_text(&path))) == NULL) result = ERR_MEMORY;
    struct gguf_notes notes = {.name = json_text_of(json_object_get(manifest, "about"), "name"),
                               .further = k.notes,
                               .n_further = k.n};
    if (result == ERR_OK) result = convert(f, dir, to, &notes);
    mem_free(to);
    str_release(&path);
    arena_release(&k.arena);
    return fail_in(result, "%s", f->name);
}
