/* SPDX-License-Identifier: Apache-2.0
 * Shape letters used in every comment on a tensor:
 *   B rows of a batch   T tokens of a row   N tokens of a flat batch (all rows back to back)
 *   C hidden            H heads             D head size (C / H)   F feed-forward   V vocabulary
 *   L layers            R adapter rank      P positions of the rotary table */
#ifndef COTRAIN_MODEL_SHAPES_H
#define COTRAIN_MODEL_SHAPES_H
#endif
