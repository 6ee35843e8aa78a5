/* SPDX-License-Identifier: Apache-2.0
 * A whole file of plain text as one row: for folders of articles or of code. `auto` never chooses
 * it, since nothing in a text file tells whether its lines belong together. What becomes of the
 * text is the source's `text`, as for data/readers/text.c. */
#include "data/readers/reader.h"

static err read_file_text(struct span text, struct draft *out) {
    return draft_segment(out, text, false);
}

const struct reader reader_document = {
    .name = "document",
    .summary = "a whole file of plain text as one row",
    .line = read_file_text,
    .whole = true,
};
