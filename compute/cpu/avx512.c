/* SPDX-License-Identifier: Apache-2.0
 * The CPU backend's kernels compiled for AVX-512, with the table that registers them. Whether the
 * processor has the unit is asked when the backend is opened. On other processors this file is
 * empty.
 * Read next: compute/cpu/cpu.h. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")
#define CPU_VARIANT avx512
#define SIMD_WIDTH 16
#include "compute/cpu/kernels.def"

static err avx512_open(struct compute *c) {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
        return fail(ERR_UNSUPPORTED, "this processor does not have AVX-512");
    }
    return cpu_open(c);
}

const struct backend cpu_avx512 = {
    CPU_FUNCTIONS("avx512", avx512_open),
#define OP(name) .name = CPU(name),
#include "compute/ops.def"
#undef OP
};
#endif
