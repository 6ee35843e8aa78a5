# SPDX-License-Identifier: Apache-2.0
# Sourced behind lib.sh by tests that work on a program's repository: git without anybody's settings, and a program
# over the sample thread.
#   new_program DIR [OPTION...]   a program over models/month/thread, made on 2024-02-01
#   head_of DIR                   its HEAD
#   clean_tree WHAT DIR           nothing in it is uncommitted
export HOME=$scratch GIT_CONFIG_NOSYSTEM=1
unset GIT_CONFIG_GLOBAL XDG_CONFIG_HOME
git config --global user.name keeper
git config --global user.email keeper@example.invalid
sample_month=$SOURCE_DIR/models/month

new_program() {
    local dir=$1
    shift
    run "$COTRAIN" program init "$dir" --name sample --repository sample/requests --issue 1 \
        --base-model "$SOURCE_DIR/models/nano" --base-name nano --base-recipe "$sample_month/base.yaml" \
        --retention-cases "$sample_month/retention.jsonl" --maintainers keeper --today 2024-02-01 "$@"
    expect_rc 0
}
pull_sample() { # pull_sample DIR
    run "$COTRAIN" issues pull --program "$1" --month 2024-03 --from "$sample_month/thread" --today 2024-03-06
    expect_rc 0
}
head_of() {
    git -C "$1" rev-parse HEAD
}
clean_tree() {
    check "$1" test -z "$(git -C "$2" status --porcelain)"
}
