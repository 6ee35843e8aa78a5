/* SPDX-License-Identifier: Apache-2.0
 * The CPU backend's kernels compiled for Arm's Neon, with the table that registers them. Every
 * 64-bit Arm processor has the unit. On other processors this file is empty.
 * Read next: compute/cpu/cpu.h; tests/arm runs it. */
#if defined(__aarch64__)
#define CPU_VARIANT neon
#define SIMD_NEON
#include "compute/cpu/kernels.def"

const struct backend cpu_neon = {
    CPU_FUNCTIONS("neon", cpu_open),
#define OP(name) .name = CPU(name),
#include "compute/ops.def"
#undef OP
};
#endif
