/* SPDX-License-Identifier: Apache-2.0
 * The table of filters, made from data/filters/filters.def, and looking one up by the name that a
 * recipe gives.
 * The contract is data/filters/filter.h; running them is data/filters.c. */
#include "data/filters/filter.h"
#include <string.h>

const struct filter *const filters[] = {
#define FILTER(name) &filter_##name,
#include "data/filters/filters.def"
#undef FILTER
};
const int n_filters = sizeof filters / sizeof filters[0];

const struct filter *filter_find(const char *name) {
    for (int i = 0; i < n_filters; i++)
        if (strcmp(filters[i]->name, name) == 0) return filters[i];
    return NULL;
}
