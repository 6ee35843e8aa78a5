/* SPDX-License-Identifier: Apache-2.0
 * Paths of a release (release/names.h). A path with characters that do not print is not repeated in
 * the message; where they stand is.
 * Read next: release/seal.c, which asks before it opens anything. */
#include "release/names.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>
#include <strings.h>

static err check_characters(const char *name, size_t n) {
    if (n == 0) return fail(ERR_GATE, "a path is empty");
    if (n > RELEASE_NAME_BYTES)
        return fail(ERR_GATE, "a path of %zu bytes is over %d", n, RELEASE_NAME_BYTES);
    if (utf8_invalid_at(name, n) >= 0) return fail(ERR_GATE, "a path is no UTF-8");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 32 || name[i] == 127)
            return fail(ERR_GATE, "a path has a control character at byte %zu", i + 1);
    if (strchr(name, '\\') != NULL) return fail(ERR_GATE, "path '%s' has a backslash", name);
    return ERR_OK;
}

static err check_part(const char *name, const char *part, size_t n) {
    if (n == 0) return fail(ERR_GATE, "path '%s' has an empty part", name);
    if (n == 2 && part[0] == '.' && part[1] == '.')
        return fail(ERR_GATE, "path '%s' leaves the folder", name);
    if (n == 1 && part[0] == '.') return fail(ERR_GATE, "path '%s' has a part '.'", name);
    if (part[0] == ' ' || part[n - 1] == ' ')
        return fail(ERR_GATE, "path '%s' has a space at the end of a part", name);
    return ERR_OK;
}

err release_name_check(const char *name) {
    TRY(check_characters(name, strlen(name)));
    if (name[0] == '/') return fail(ERR_GATE, "path '%s' is absolute", name);
    for (const char *part = name;;) {
        size_t n = strcspn(part, "/");
        TRY(check_part(name, part, n));
        if (part[n] == '\0') return ERR_OK;
        part += n + 1;
    }
}

err release_title_check(const char *name) {
    if (name[0] == '.' || strchr(name, '/') != NULL)
        return fail(ERR_RANGE,
                    "release name '%s': it becomes a folder, so no '/' and no '.' in front", name);
    if (strlen(name) > RELEASE_TITLE_BYTES)
        return fail(ERR_RANGE, "a release name of %zu bytes is over %d", strlen(name),
                    RELEASE_TITLE_BYTES);
    err result = release_name_check(name);
    return result == ERR_GATE ? fail_in(ERR_RANGE, "release name") : result;
}

static int by_letters(const void *a, const void *b) {
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static err check_case(const struct name_list *names) {
    err result = ERR_OK;
    char **sorted = mem_alloc(names->n + 1, sizeof *sorted);
    if (sorted == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < names->n; i++) sorted[i] = names->names[i];
    qsort(sorted, names->n, sizeof *sorted, by_letters);
    for (size_t i = 1; i < names->n && result == ERR_OK; i++)
        if (strcasecmp(sorted[i - 1], sorted[i]) == 0)
            result = fail(ERR_GATE, "'%s' and '%s' differ by case alone", sorted[i - 1], sorted[i]);
    mem_free(sorted);
    return result;
}

err release_names_check(const struct name_list *names) {
    for (size_t i = 0; i < names->n; i++) {
        TRY(release_name_check(names->names[i]));
        int order = i > 0 ? strcmp(names->names[i - 1], names->names[i]) : -1;
        if (order == 0) return fail(ERR_GATE, "'%s' stands there twice", names->names[i]);
        if (order > 0) return fail(ERR_GATE, "'%s' is out of order", names->names[i]);
    }
    return check_case(names);
}
