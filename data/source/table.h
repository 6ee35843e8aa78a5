/* SPDX-License-Identifier: Apache-2.0
 * Tables of text cells: CSV (RFC 4180) and the same with tabs. The first row names the columns,
 * every other row becomes a JSON object of them, so that the readers of records read tables as
 * well. A cell that begins with a quote ends with one, and holds separators, newlines and doubled
 * quotes; in others a quote is a character like any. Rows are cut by data/source/records.h. */
#ifndef COTRAIN_DATA_SOURCE_TABLE_H
#define COTRAIN_DATA_SOURCE_TABLE_H

#include "base/json.h"
#include "data/text/span.h"

struct table {
    char separator;
    json_t *columns; /* list of names; NULL before the header */
};

/* The first row: names without white space at their ends, none empty, none twice. */
MUST_CHECK err table_header(struct table *t, struct span row);
/* {"column": "cell", ...}; an empty cell is left out. A row has as many cells as the header. The
 * caller json_decref()s. */
MUST_CHECK err table_row(const struct table *t, struct span row, json_t **out);
void table_release(struct table *t);

#endif
