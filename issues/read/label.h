/* SPDX-License-Identifier: Apache-2.0
 * Labels in a text: "场景需求：", "**1. Input**:", "### 输出 / Output", "【能力】", and where the value of
 * each lies. Labels in code, quotations and comments are none. What the fields mean together is for
 * issues/read/read_labels.c.
 * Read next: issues/read/labels.def. */
#ifndef COTRAIN_ISSUES_READ_LABEL_H
#define COTRAIN_ISSUES_READ_LABEL_H

#include "issues/read/text.h"
#include <uchar.h>

enum label_field {
    FIELD_scenario,
    FIELD_need,
    FIELD_capability,
    FIELD_input,
    FIELD_output,
    FIELD_example,
    FIELD_input_example,
    FIELD_output_example,
    FIELD_prompt,
    FIELD_response,
    FIELD_constraint,
    FIELD_remark,
    FIELD_feature,
    FIELD_other,
    FIELD_COUNT
};

struct label {
    enum label_field field;
    int word;           /* row of issues/read/labels.def */
    int number;         /* "scenario 2", "例1"; 0: none */
    struct range at;    /* with bullets, number, marks and colon */
    struct range value; /* up to the next label, untrimmed */
    bool heading;       /* "### Input" or a line of bold: the value stands below */
    bool weak;          /* "输入为..." without a colon */
    bool starts_line;
    bool in_table; /* its value is a cell */
};
struct label_list {
    struct label *items;
    int64_t n, max;
};

MUST_CHECK err labels_find(const struct text *t, struct arena *a, struct label_list *out);
/* The field of a few words that are wholly a label: a cell of a table. `out_word` may
 * be NULL. */
bool label_of_words(const struct text *t, struct range r, enum label_field *out, int *out_word);

#endif
