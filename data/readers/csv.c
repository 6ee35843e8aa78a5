/* SPDX-License-Identifier: Apache-2.0
 * Tables with commas between the cells (data/source/table.h). Their header names the keys of
 * another format, whose reader then reads each row as a record of texts: of alpaca, of pairs or of
 * text, since the others have more than texts. */
#include "data/readers/reader.h"

const struct reader reader_csv = {
    .name = "csv",
    .summary = "a table with commas and a header of the keys of alpaca, pairs or text",
    .separator = ',',
};
