#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A call upwards does not link: in a copy of the tree, recipes/ (rank 1) calls model/ (rank 2) through a
# declaration of its own, which no include scan can see; linking recipes/ alone must fail and name it.
. "$(dirname "$0")/lib.sh"

tree=$scratch/tree
mkdir "$tree"
(cd "$SOURCE_DIR" && tar cf - --exclude=./build --exclude=./.git --exclude=./work --exclude=./models \
    --exclude=./tests .) | (cd "$tree" && tar xf -)
sed -i '/add_subdirectory(tests)/d' "$tree/CMakeLists.txt"
check "configure" cmake -S "$tree" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug
run cmake --build "$scratch/build" --target recipes_alone
expect_rc 0
cat >"$tree/recipes/planted.c" <<'END'
/* SPDX-License-Identifier: Apache-2.0 */
void model_close(void *m);
void planted(void *m);
void planted(void *m) {
    model_close(m);
}
END
run cmake --build "$scratch/build" --target recipes_alone
expect_rc 1
expect_out "undefined reference to \`model_close'"
finish
