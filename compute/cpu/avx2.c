/* SPDX-License-Identifier: Apache-2.0
 * The CPU backend's kernels compiled for AVX2 and FMA, with the table that registers them. Whether
 * the processor has the unit is asked when the backend is opened. On other processors this file is
 * empty.
 * Read next: compute/cpu/cpu.h. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c")
#define CPU_VARIANT avx2
#define SIMD_WIDTH 8
#include "compute/cpu/kernels.def"

static err avx2_open(struct compute *c) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return fail(ERR_UNSUPPORTED, "this processor does not have AVX2 and FMA");
    }
    return cpu_open(c);
}

const struct backend cpu_avx2 = {
    CPU_FUNCTIONS("avx2", avx2_open),
#define OP(name) .name = CPU(name),
#include "compute/ops.def"
#undef OP
};
#endif
