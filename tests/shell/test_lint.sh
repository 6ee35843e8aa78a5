#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every lint check finds the fault that it is there for: faults are planted, one at a time, in a copy of
# the tree, and the check must name file, line and fault. Without a plant it must find nothing.
. "$(dirname "$0")/lib.sh"

tree=$scratch/tree
mkdir "$tree"
(cd "$SOURCE_DIR" && tar cf - --exclude=./build --exclude=./.git --exclude=./work --exclude=./models \
    --exclude=./tests/golden .) | (cd "$tree" && tar xf -)
head_lines='/* SPDX-License-Identifier: Apache-2.0
 * Planted by tests/shell/test_lint.sh: three lines that say
 * what this file is, as the style asks, so that only the
 * fault under test is found. */'

# plant CHECK FILE LINE MESSAGE TEXT: TEXT is the file's, behind the usual head for C files.
plant() {
    file=$tree/$2
    mkdir -p "$(dirname "$file")"
    case $2 in
    *.c | *.h) printf '%s\n%s\n' "$head_lines" "$5" >"$file" ;;
    *) printf '%s\n' "$5" >"$file" ;;
    esac
    only= # a fault of style is in its file alone; the other checks look at how files fit together
    [ "$1" != style ] || only="--only=$2"
    run "$tree/tools/check_$1.py" --root "$tree" ${only:+"$only"}
    expect_rc 1
    expect_out "$2:$3: "
    expect_out "$4"
    rm "$file"
}
# plant_row CHECK FILE LINE MESSAGE: adds a line to a file of the tree, then takes it away again.
plant_row() {
    cp "$tree/$2" "$scratch/kept"
    echo "$3" >>"$tree/$2"
    run "$tree/tools/check_$1.py" --root "$tree"
    expect_rc 1
    expect_out "$4"
    cp "$scratch/kept" "$tree/$2"
}

# clean CHECK: nothing is planted yet.
clean() {
    run "$tree/tools/check_$1.py" --root "$tree"
    expect_rc 0
}
clean includes
clean tables
clean style

# Includes: upwards, sideways, a library out of its folder, an unknown one, a file that is not there.
plant includes base/planted.c 5 "rank 2 is not below base's 0" '#include "model/model.h"'
plant includes data/planted.c 5 "rank 2 is not below data's 2" '#include "model/model.h"'
plant includes eval/planted.h 5 "rank 4 is not below eval's 4" '#include "trainer/trainer.h"'
plant includes model/planted.c 5 "'recipes' is not on model's line" '#include "recipes/request.h"'
plant includes model/planted.c 5 "only base/json.h includes it" '#include <jansson.h>'
plant includes tests/unit/planted.c 5 "only base/json.h includes it" '#include <jansson.h>'
plant includes data/planted.c 5 "library 'yaml' is not on data's line" '#include <yaml.h>'
plant includes release/planted.c 5 "library 'crypto' is not on release's" '#include <openssl/evp.h>'
plant includes base/planted.c 5 "neither a system header nor one" '#include <planted.h>'
plant includes model/planted.c 5 "no such file from the root" '#include "base/nowhere.h"'
echo '/* #include "model/model.h" */' >"$tree/base/planted.c"
run "$tree/tools/check_includes.py" --root "$tree"
expect_no_out base/planted.c
rm "$tree/base/planted.c"
cp "$tree/CMakeLists.txt" "$scratch/kept"
sed -i 's/^cotrain_folder(recipes   1     "base"/cotrain_folder(recipes   1     "base;eval"/' \
    "$tree/CMakeLists.txt"
run "$tree/tools/check_includes.py" --root "$tree"
expect_rc 1
expect_out "folder 'recipes' (rank 1) uses 'eval'"
cp "$scratch/kept" "$tree/CMakeLists.txt"

# Tables: a row without its file, a row that stands twice, a file without its row, a table without a
# rule, an error and a variable that nobody uses.
plant_row tables cli/cmds.def 'COMMAND(planted)' "COMMAND(planted): no file cli/cmd_planted.c"
plant_row tables compute/ops.def 'OP(product)' "OP(product) stands twice"
plant_row tables compute/ops.def 'OP(planted)' "OP(planted): not defined in compute/ops/*.c"
plant_row tables trainer/optim/optim.def 'OPTIMIZER(planted)' "no file trainer/optim/planted.c"
plant_row tables cli/sections.def 'SECTION_MAP("planted", struct chain, planted, planted_options_table)' \
    "SECTION_MAP(planted_options_table): not defined"
plant_row tables data/sensitive.def 'SENSITIVE(planted, SECRET, planted, "x", "y")' \
    "SENSITIVE(planted): not defined in data/sensitive/*.c"
plant_row tables data/sensitive.def 'SENSITIVE(email, PERSONAL, email, "[@]", "y")' \
    "SENSITIVE(email) stands twice"
plant_row tables base/err.def 'ERR(PLANTED, 1, "planted")' "ERR(PLANTED) is used nowhere"
plant_row tables base/env.def 'ENV(COTRAIN_PLANTED, "planted")' "ENV(COTRAIN_PLANTED) is used nowhere"
plant tables cli/cmd_planted.c 1 "has no row in cli/cmds.def" 'const int planted = 1;'
plant tables compute/ops/planted.c 1 "has no row in compute/ops.def" 'const int planted = 1;'
plant tables data/planted.def 1 "no rule for this table" 'PLANTED(a)'

# Style.
for call in 'strcpy(a, b)' 'strcat(a, b)' 'sprintf(a, b)' 'strtok(a, b)' 'atoi(a)' 'atof(a)' 'gets(a)' \
    'rand()' 'system(a)'; do
    plant style tools/planted.c 5 "${call%%(*}() is not used here" \
        "void planted(char *a, const char *b) { $call; }"
done
plant style model/planted.c 5 "malloc() is not used here" 'void *planted(void) { return malloc(1); }'
plant style model/planted.c 5 "printf() is not used here" 'void planted(void) { printf("x"); }'
plant style trainer/planted.c 5 "exit() is not used here" 'void planted(void) { exit(1); }'
plant style base/planted.c 5 "typedef of a struct" 'typedef struct planted planted;'
plant style base/planted.h 1 "no header guard COTRAIN_BASE_PLANTED_H" 'int planted;'
plant style docs/planted.md 1 "a mark of unfinished work" "$(printf 'TO''DO'): the rest"
plant style docs/planted.md 1 "a path of one machine" "see /home""/someone/file"
plant style tools/planted.sh 1 "no SPDX tag" "# nothing"
printf '/* SPDX-License-Identifier: Apache-2.0\n * Short. */\n' >"$tree/base/short.c"
printf 'int x;\n' >"$tree/base/bare.c"
run "$tree/tools/check_style.py" --root "$tree"
expect_rc 1
expect_out "base/short.c:2: 1 lines say what this file is"
expect_out "base/bare.c:1: line 1 is not"
rm "$tree/base/short.c" "$tree/base/bare.c"
plant style base/planted.c 5 "planted: 122 lines; 120 is the limit" "int planted(void) {
$(seq 120 | sed 's/.*/    ;/')
}"
plant style base/planted.c 704 "704 lines; 700 is the limit" "$(seq 700 | sed 's/.*/int x;/')"

# Layout, where the formatter is.
if command -v clang-format-14 >/dev/null; then
    plant format base/planted.c 5 "not as clang-format lays it out" 'int   planted( void );'
fi

# State: objects of a build of their own.
objects=$tree/build/release/CMakeFiles
state() { # state FOLDER TEXT
    mkdir -p "$objects/$1.dir/$1"
    printf '%s\n' "$2" >"$tree/$1/planted.c"
    check "compile" cc -fPIC -O2 -c "$tree/$1/planted.c" -o "$objects/$1.dir/$1/planted.c.o"
    run "$tree/tools/check_state.py" --root "$tree"
}
clean_state() {
    rm "$tree/$1/planted.c" "$objects/$1.dir/$1/planted.c.o"
}
state model 'static int count = 3; int next(void) { return count++; }'
expect_rc 1
expect_out "model/planted.c:1: 'count' is mutable"
clean_state model
state model 'int next(void) { static _Thread_local int calls; return calls++; }'
expect_rc 1
expect_out "model/planted.c:1: 'calls"
clean_state model
state base 'static int count; int next(void) { return count++; }'
expect_rc 0
clean_state base
state model 'extern int f(void); int (*const table[])(void) = {f}; static const int a[] = {1, 2};
const int *planted(void) { return a; }'
expect_rc 0
clean_state model
finish
