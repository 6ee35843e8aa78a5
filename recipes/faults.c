/* SPDX-License-Identifier: Apache-2.0
 * The list of faults of a recipe. Texts live in the arena of the recipe that is being read.
 * All are collected before the first is reported, so that one run shows them all.
 * Read next: recipes/faults.h, the contract. */
#include "recipes/faults.h"

#include <stdarg.h>
#include <stdio.h>

/* The formatted text in the arena; NULL when out of memory. */
static const char *format_text(struct arena *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static const char *format_text(struct arena *a, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0) {
        (void)fail(ERR_PARSE, "a message that cannot be formatted");
        return NULL;
    }
    char *text = arena_alloc(a, (size_t)n + 1, 1);
    if (text) (void)vsnprintf(text, (size_t)n + 1, format, args);
    return text;
}

err recipe_fault(struct recipe_faults *faults, struct arena *a, err code, struct recipe_place place,
                 const char *format, ...) {
    if (faults->n++ >= RECIPE_FAULTS_MAX) return ERR_OK;
    va_list args;
    va_start(args, format);
    const char *text = format_text(a, format, args);
    va_end(args);
    if (!text) {
        faults->n--;
        return ERR_MEMORY;
    }
    faults->items[faults->n - 1] =
        (struct recipe_fault){.code = code, .place = place, .text = text};
    return ERR_OK;
}

err recipe_fault_hint(struct recipe_faults *faults, struct arena *a, const char *format, ...) {
    if (faults->n == 0 || faults->n > RECIPE_FAULTS_MAX) return ERR_OK;
    va_list args;
    va_start(args, format);
    const char *text = format_text(a, format, args);
    va_end(args);
    if (!text) return ERR_MEMORY;
    faults->items[faults->n - 1].hint = text;
    return ERR_OK;
}

err recipe_fault_take(struct recipe_faults *faults, struct arena *a, err code,
                      struct recipe_place place) {
    if (code == ERR_MEMORY) return code;
    TRY(recipe_fault(faults, a, code, place, "%s", err_message()));
    if (err_hint()[0]) TRY(recipe_fault_hint(faults, a, "%s", err_hint()));
    err_clear();
    return ERR_OK;
}

err recipe_place_text(struct recipe_place place, struct str *out) {
    if (place.line <= 0) return str_add(out, place.file);
    return str_printf(out, "%s:%lld:%lld", place.file, (long long)place.line,
                      (long long)place.column);
}

err recipe_faults_err(const struct recipe_faults *faults) {
    if (faults->n == 0) return ERR_OK;
    const struct recipe_fault *first = &faults->items[0];
    struct str place = {0};
    err code = recipe_place_text(first->place, &place);
    if (code == ERR_OK && faults->n == 1)
        code = fail(first->code, "%s: %s", str_text(&place), first->text);
    else if (code == ERR_OK)
        code = fail(first->code, "%s: %s (and %lld more)", str_text(&place), first->text,
                    (long long)faults->n - 1);
    if (first->hint) code = fail_hint(code, "%s", first->hint);
    str_release(&place);
    return code;
}
