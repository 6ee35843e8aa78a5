# SPDX-License-Identifier: Apache-2.0
# Sourced behind lib.sh by tests of the GPU backend: the emulated one, which stands beside the program under
# test, where no other is named. Without it the test is skipped.
: "${COTRAIN_CUDA_LIBRARY:=$(dirname "$COTRAIN")/tests/cudasim/fast/libcotrain_cuda.so}"
[ -e "$COTRAIN_CUDA_LIBRARY" ] || skip "no emulated GPU backend at $COTRAIN_CUDA_LIBRARY (no CUDA headers?)"
export COTRAIN_CUDA_LIBRARY
unset EMU_FAIL EMU_TRACE
