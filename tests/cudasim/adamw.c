/* SPDX-License-Identifier: Apache-2.0
 * AdamW on the GPU backend leaves the same bytes as on the CPU: weights in fp32 and bf16 (rounded
 * at random), states in fp32 and 8 bits, gradients of all types, over several steps; whole and
 * ragged blocks, operands that lie beside a vector's alignment, more blocks than one walk of the
 * grid. Read next: compute/ops/adamw.h, compute/cuda/adamw.cu. */
#include "base/philox.h"
#include "compute/ops/adamw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 3,
    WEIGHT = 0,
    M,
    V,
    M_LARGEST,
    V_LARGEST,
    N_RESULTS,
    GRADIENT = N_RESULTS,
    N_OPERANDS
};

struct shape {
    int64_t n;
    bool bf16, codes;
    enum dtype gradient;
    int64_t beside; /* elements between the memory's beginning and the operands */
};

static void must(err e) {
    if (e == ERR_OK) return;
    fprintf(stderr, "%s\n", err_message());
    exit(1);
}

static enum dtype type_of(const struct shape *s, int operand) {
    switch (operand) {
    case WEIGHT: return s->bf16 ? DTYPE_BF16 : DTYPE_F32;
    case M:
    case V: return s->codes ? DTYPE_U8 : DTYPE_F32;
    case GRADIENT: return s->gradient;
    default: return DTYPE_F32;
    }
}
static size_t bytes_of(const struct shape *s, int operand) {
    return (size_t)((s->n + s->beside) * dtype_bytes(type_of(s, operand)));
}

/* Weights of order 1, gradients over many magnitudes with zeros among them; states begin at 0. */
static void fill(const struct shape *s, int operand, int64_t step, void *to) {
    const enum dtype t = type_of(s, operand);
    const struct rng rng = {7, RNG_TEST, (uint64_t)(operand + 100 * step)};
    for (int64_t i = 0; i < s->n + s->beside; i++) {
        float x = (float)rng_normal(&rng, (uint64_t)i);
        if (operand == GRADIENT) x = i % 11 == 3 ? 0 : x * (float)(1 << i % 13) * 0x1p-9f;
        dtype_from_f32(&x, 1, t, (char *)to + i * dtype_bytes(t));
    }
}

static void take_steps(struct compute *c, const struct shape *s, void *result[N_RESULTS]) {
    struct adamw_args a = {.n = s->n,
                           .states_8bit = s->codes,
                           .lr = 1e-2,
                           .beta1 = 0.9,
                           .beta2 = 0.95,
                           .eps = 1e-8,
                           .weight_decay = 0.1,
                           .gradient_scale = 0.7,
                           .seed = 0x123456789abcdefu,
                           .first = (uint64_t)3 << 40 | 512};
    void *place[N_OPERANDS], *gradient = malloc(bytes_of(s, GRADIENT));
    char *at[N_OPERANDS];
    for (int o = 0; o < N_OPERANDS; o++) {
        must(c->backend->alloc(c, bytes_of(s, o), &place[o]));
        at[o] = (char *)place[o] + s->beside * dtype_bytes(type_of(s, o));
    }
    fill(s, WEIGHT, 0, result[WEIGHT]);
    must(c->backend->upload(c, place[WEIGHT], result[WEIGHT], bytes_of(s, WEIGHT)));
    a.gradient = (struct mat){at[GRADIENT], s->gradient, s->n, 1};
    a.w = s->bf16 ? NULL : (float *)(void *)at[WEIGHT];
    a.w_bf16 = s->bf16 ? (uint16_t *)(void *)at[WEIGHT] : NULL;
    a.m = (float *)(void *)at[M];
    a.v = (float *)(void *)at[V];
    a.m_codes = (uint8_t *)at[M];
    a.v_codes = (uint8_t *)at[V];
    a.m_largest = (float *)(void *)at[M_LARGEST];
    a.v_largest = (float *)(void *)at[V_LARGEST];
    for (a.step = 1; a.step <= STEPS; a.step++) {
        fill(s, GRADIENT, a.step, gradient);
        must(c->backend->upload(c, place[GRADIENT], gradient, bytes_of(s, GRADIENT)));
        must(c->backend->adamw(c, &a));
    }
    must(c->backend->wait(c));
    for (int o = 0; o < N_RESULTS; o++)
        must(c->backend->download(c, result[o], place[o], bytes_of(s, o)));
    for (int o = 0; o < N_OPERANDS; o++) c->backend->free(c, place[o]);
    free(gradient);
}

static int check(struct compute *cpu, struct compute *gpu, const struct shape *s) {
    static const char *const names[] = {"weight", "m", "v", "m_largest", "v_largest"};
    void *want[N_RESULTS], *got[N_RESULTS];
    int wrong = 0;
    for (int o = 0; o < N_RESULTS; o++) {
        want[o] = malloc(bytes_of(s, o));
        got[o] = malloc(bytes_of(s, o));
    }
    take_steps(cpu, s, want);
    take_steps(gpu, s, got);
    for (int o = 0; o < N_RESULTS; o++) {
        if (memcmp(want[o], got[o], bytes_of(s, o)) != 0) {
            fprintf(stderr,
                    "%lld elements (%lld beside), %s weights, %s states, %s gradient: %s differs\n",
                    (long long)s->n, (long long)s->beside, s->bf16 ? "bf16" : "fp32",
                    s->codes ? "8-bit" : "fp32", dtype_name(s->gradient), names[o]);
            wrong++;
        }
        free(want[o]);
        free(got[o]);
    }
    return wrong;
}

int main(void) {
    static const int64_t lengths[] = {1, 3, 255, 256, 5003, 2048 * 8 * ADAMW_BLOCK + 300};
    static const enum dtype gradients[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    struct compute cpu, gpu;
    int n_wrong = 0, n_run = 0;
    must(compute_open(&cpu, "cpu"));
    must(compute_open(&gpu, "cuda:f32"));
    for (int kind = 0; kind < 4; kind++) {
        for (int l = 0; l < 6; l++) {
            for (int g = 0; g < 3; g++) {
                const bool longest = l == 5;
                if (longest && (g != 1 || kind != 3)) continue; /* some seconds each */
                for (int64_t beside = 0; beside <= !longest; beside++) {
                    const struct shape s = {lengths[l], kind & 1, kind & 2, gradients[g], beside};
                    n_wrong += check(&cpu, &gpu, &s);
                    n_run++;
                }
            }
        }
    }
    compute_close(&gpu);
    compute_close(&cpu);
    printf("%d runs, %d results differ\n", n_run, n_wrong);
    return n_wrong != 0;
}
