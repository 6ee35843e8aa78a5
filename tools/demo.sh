#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The month's chain on the built-in sample, from recipe to verified release: what ends
# `make -f Makefile.ci demo`.
# The work folder is build/demo; run again, it repeats only what is not up to date.
set -eu
cd "$(dirname "$0")/.."
begun=$(date +%s)
build/release/cotrain run recipes/2024-03/nano-lora.yaml --work build/demo "$@"
echo "the chain took $(($(date +%s) - begun)) s; \`cotrain\` is $PWD/build/release/cotrain"
