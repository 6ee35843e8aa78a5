/* SPDX-License-Identifier: Apache-2.0
 * A GPU backend as another version of the program would have it: the program must say so and must
 * not call it.
 * Under test: compute/module.c, by tests/shell/test_cuda_errors.sh. */
#include "compute/module.h"

extern const struct backend_module cotrain_backend_module;
const struct backend_module cotrain_backend_module = {.version = "0.0.7",
                                                      .interface = "another interface"};
