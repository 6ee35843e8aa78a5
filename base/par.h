/* SPDX-License-Identifier: Apache-2.0
 * Threads (OpenMP): independent pieces of work side by side. What a piece computes never depends on
 * how many threads there are; nothing is summed across pieces.
 * So a result has the same bits with one thread as with sixteen. */
#ifndef COTRAIN_BASE_PAR_H
#define COTRAIN_BASE_PAR_H

#include <stdint.h>

enum { PAR_MAX_THREADS = 1024 };

/* First thing in main. A thread that waits for others spins for milliseconds by libgomp's default,
 * and where other programs want the cores too it spins away the time of the thread it waits for:
 * training beside one busy process took 11 times as long. libgomp takes a shorter spin only from
 * the environment, only while it is loaded, so the program sets it and starts itself anew (1 ms).
 * Whoever set GOMP_SPINCOUNT or OMP_WAIT_POLICY is obeyed. */
void par_start(char **argv);
/* n <= 0: COTRAIN_THREADS, else all cores this process may use. */
void par_set_threads(int64_t n);
int par_threads(void);
/* The calling thread's number within par_for, below par_threads(); 0 outside. */
int par_thread(void);
/* Calls fn(ctx, begin, end, thread) over pieces of [0, n) of at least `grain` items; `thread` is
 * below par_threads(). Runs in the caller when there is one piece. Not nested: a call from inside a
 * piece runs in that piece's thread. */
void par_for(int64_t n, int64_t grain,
             void (*fn)(void *ctx, int64_t begin, int64_t end, int thread), void *ctx);

#endif
