/* SPDX-License-Identifier: Apache-2.0
 * What was made of what (base/chart.h): boxes on a grid of three columns, arrows that run down. An
 * arrow that passes rows runs straight down first and turns at its end, so whoever places boxes
 * keeps the cells below its beginning free.
 * Read next: base/chart.c. */
#include "base/chart_int.h"
#include "base/html.h"
#include <stdio.h>

enum { BOX_WIDTH = 122, BOX_HEIGHT = 52, PITCH_X = 133, PITCH_Y = 80, LEFT = 6, TOP = 2 };
enum { TURN = 26, HASH_DIGITS = 12, LABEL_UNITS = 19 };

static int box_x(const struct chart_box *b) {
    return LEFT + b->column * PITCH_X;
}

static int box_y(const struct chart_box *b) {
    return TOP + b->row * PITCH_Y;
}

static err add_box(struct str *out, const struct chart_box *b) {
    int x = box_x(b), y = box_y(b);
    TRY(str_add(out, "<g><title>"));
    TRY(html_add(out, b->title));
    TRY(str_add(out, ": "));
    TRY(html_add(out, b->text));
    if (b->hash != NULL) {
        TRY(str_add(out, ", "));
        TRY(html_add(out, b->hash));
    }
    TRY(str_printf(out,
                   "</title><rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                   "rx=\"5\"/><text class=\"name\" x=\"%d\" y=\"%d\">",
                   x, y, BOX_WIDTH, BOX_HEIGHT, x + 7, y + 16));
    TRY(html_label(out, b->title, LABEL_UNITS));
    TRY(str_printf(out, "</text><text class=\"tick\" x=\"%d\" y=\"%d\">", x + 7, y + 31));
    TRY(html_label(out, b->text, LABEL_UNITS));
    if (b->hash != NULL) {
        TRY(str_printf(out, "</text><text class=\"tick code\" x=\"%d\" y=\"%d\">", x + 7, y + 46));
        TRY(html_label(out, b->hash, HASH_DIGITS + 1));
    }
    return str_add(out, "</text></g>\n");
}

static int sign(int n) {
    return (n > 0) - (n < 0);
}

static err add_arrow(struct str *out, const struct chart_box *from, const struct chart_box *to) {
    int side = sign(from->column - to->column);
    bool passes = to->row - from->row > 1;
    int x1 = box_x(from) + BOX_WIDTH / 2 + (passes ? 24 * side : 0);
    int x2 = box_x(to) + BOX_WIDTH / 2 + 34 * side;
    int y1 = box_y(from) + BOX_HEIGHT, y2 = box_y(to) - 1, turn = y2 - TURN;
    TRY(str_printf(out, "<path class=\"arrow\" d=\"M%d %d L%d %d C%d %d %d %d %d %d\"/>", x1, y1,
                   x1, turn > y1 ? turn : y1, x1, y2 - 6, x2, y2 - 20, x2, y2 - 5));
    return str_printf(out, "<path class=\"tip\" d=\"M%d %d L%d %d L%d %d z\"/>\n", x2 - 4, y2 - 7,
                      x2 + 4, y2 - 7, x2, y2);
}

err chart_graph(struct str *out, const struct chart_graph *c) {
    int rows = 0;
    if (c->n_boxes == 0) return chart_figure_empty(out, c->title);
    for (int i = 0; i < c->n_boxes; i++)
        if (c->boxes[i].row >= rows) rows = c->boxes[i].row + 1;
    TRY(chart_figure_begin(out, c->title, c->summary));
    TRY(chart_svg_begin(out, TOP + rows * PITCH_Y - (PITCH_Y - BOX_HEIGHT) + 4, c->title,
                        c->summary));
    for (int i = 0; i < c->n_arrows; i++)
        TRY(add_arrow(out, &c->boxes[c->arrows[i].from], &c->boxes[c->arrows[i].to]));
    for (int i = 0; i < c->n_boxes; i++) TRY(add_box(out, &c->boxes[i]));
    return str_add(out, "</svg></figure>\n");
}
