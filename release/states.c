/* SPDX-License-Identifier: Apache-2.0
 * Copying checkpoints into a release and out of it (release/states.h). A state's own hashes are
 * checked by who resumes from it, and as files of the release by its seal.
 * Read next: trainer/checkpoint.h. */
#include "release/states.h"
#include "base/file.h"
#include "base/mem.h"
#include "release/pack.h"
#include "release/steps.h"
#include <string.h>

static const char prefix[] = "checkpoint-";

static err copy_folder(const char *from, const char *to) {
    struct name_list names;
    TRY(dir_make(to));
    TRY(dir_walk(from, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        char *source = path_join(from, names.names[i]), *target = path_join(to, names.names[i]);
        e = source && target ? file_copy(source, target) : ERR_MEMORY;
        mem_free(source);
        mem_free(target);
    }
    name_list_release(&names);
    return e;
}

static err copy_state(const char *from, const char *to, int64_t step) {
    struct str source = {0}, target = {0};
    err e = str_printf(&source, "%s/%s%lld", from, prefix, (long long)step);
    if (e == ERR_OK) e = str_printf(&target, "%s/%s%lld", to, prefix, (long long)step);
    if (e == ERR_OK && !dir_exists(str_text(&source)))
        e = fail_hint(fail(ERR_MISSING, "there is no training state '%s'", str_text(&source)),
                      "it was removed after the training: remove '%s' and train again", from);
    if (e == ERR_OK) e = copy_folder(str_text(&source), str_text(&target));
    str_release(&source);
    str_release(&target);
    return e;
}

err states_pack(const char *train_dir, int64_t every, const char *dir) {
    struct step_list steps = {0};
    if (every == 0) return ERR_OK;
    char *log = path_join(train_dir, path_base(PACK_LOG)), *to = path_join(dir, PACK_STATES);
    err e = log && to ? steps_read(log, &steps) : ERR_MEMORY;
    for (int64_t step = every; step < steps.n && e == ERR_OK; step += every)
        e = copy_state(train_dir, to, step);
    step_list_release(&steps);
    mem_free(log);
    mem_free(to);
    return e;
}

err states_nearest(const char *dir, int64_t step, int64_t *out) {
    struct name_list names = {0};
    char *states = path_join(dir, PACK_STATES);
    *out = 0;
    err e = states ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK && dir_exists(states)) e = dir_list(states, &names);
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        int64_t at = 0;
        if (!str_starts(names.names[i], prefix)) continue;
        e = str_to_int64(names.names[i] + strlen(prefix), &at);
        if (e == ERR_OK && at <= step && at > *out) *out = at;
    }
    name_list_release(&names);
    mem_free(states);
    return e;
}

err states_restore(const char *dir, int64_t step, const char *train_dir) {
    char *states = path_join(dir, PACK_STATES);
    err e = states ? dir_make(train_dir) : ERR_MEMORY;
    if (e == ERR_OK) e = copy_state(states, train_dir, step);
    mem_free(states);
    return e;
}
