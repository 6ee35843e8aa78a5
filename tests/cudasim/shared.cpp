/* SPDX-License-Identifier: Apache-2.0
 * Linked into every object of kernels: the block behind `extern __shared__ ... smem[]`, as large as
 * an H100 allows. Shared memory is thread-local memory here, so this is part of the object's image.
 * Read next: threads.cpp, which finds it by name. */
alignas(128) thread_local unsigned char smem[232448];
