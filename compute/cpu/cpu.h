/* SPDX-License-Identifier: Apache-2.0
 * The CPU backend: fp32 activations in host memory, threads by base/par.h.
 * Each compute/cpu/<op>.c is compiled once as it stands (variant "portable") and once more by each
 * of avx2.c and avx512.c, which set CPU_VARIANT and SIMD_WIDTH and include them all through
 * kernels.def. CPU(product) is then cpu_product_portable, cpu_product_avx2, ...: one whole backend
 * a variant, and the tests that run over backends compare them bit for bit. Names of static
 * functions must therefore differ between these files. */
#ifndef COTRAIN_COMPUTE_CPU_CPU_H
#define COTRAIN_COMPUTE_CPU_CPU_H

#include "compute/compute.h"

#ifndef CPU_VARIANT
#define CPU_VARIANT portable
#endif
#define CPU_NAME(name, variant) cpu_##name##_##variant
#define CPU_NAME_OF(name, variant) CPU_NAME(name, variant)
#define CPU(name) CPU_NAME_OF(name, CPU_VARIANT)

#define OP(name) MUST_CHECK err CPU(name)(struct compute * c, const struct name##_args *args);
#include "compute/ops.def"
#undef OP

/* What all variants share. */
MUST_CHECK err cpu_open(struct compute *c);
void cpu_close(struct compute *c);
MUST_CHECK err cpu_alloc(struct compute *c, size_t bytes, void **out);
void cpu_free(struct compute *c, void *p);
MUST_CHECK err cpu_copy(struct compute *c, void *to, const void *from, size_t bytes);
MUST_CHECK err cpu_zero(struct compute *c, void *p, size_t bytes);
MUST_CHECK err cpu_wait(struct compute *c);
void cpu_lend(struct compute *c, void *memory, size_t bytes);
void cpu_take_back(struct compute *c, const void *memory);

/* Memory for the length of one operation, at least `bytes`, 64-byte aligned: what is lent, or else
 * the thread's own, grown when needed. */
MUST_CHECK err cpu_scratch(struct compute *c, size_t bytes, void **out);

/* struct backend.scratch_bytes: the most of any operation's, each told by its own file. */
size_t CPU(scratch_bytes)(const struct work_shape *shape);
size_t CPU(product_scratch)(const struct work_shape *shape);
size_t CPU(attention_scratch)(const struct work_shape *shape);
size_t CPU(attention_backward_scratch)(const struct work_shape *shape);
size_t CPU(sum_squares_scratch)(void);

/* Keys of a cache that lie turned over together: whole tiles of any vector unit. */
enum { TURNED_KEYS = 32 };

enum { ELEMENTS_A_PIECE = 8192 }; /* the least elementwise work worth a thread */

#define CPU_FUNCTIONS(variant_name, open_function)                                                 \
    .name = "cpu", .variant = variant_name, .act_dtype = DTYPE_F32, .host_memory = true,           \
    .k_turned = TURNED_KEYS, .open = open_function, .close = cpu_close, .alloc = cpu_alloc,        \
    .free = cpu_free, .upload = cpu_copy, .download = cpu_copy, .zero = cpu_zero,                  \
    .wait = cpu_wait, .scratch_bytes = CPU(scratch_bytes), .lend = cpu_lend,                       \
    .take_back = cpu_take_back

#endif
