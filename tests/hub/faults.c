/* SPDX-License-Identifier: Apache-2.0
 * Faults on purpose, from lines like
 *   POST /verify times=1 status=503
 * METHOD and PATH are patterns of fnmatch. times=N: so often (else always); after=N: N requests
 * pass first. What happens: status=N (with retry-after=S, and echo: the refusal repeats what was in
 * Authorization), drop (closed before it is heard), cut=N (closed after N bytes of the body; with
 * hold it is kept open, and no more is taken), unanswered (heard, then closed), lose (an object is
 * taken and not kept; a commit is taken, and then one of its objects is lost), omit (the
 * answer says nothing of the first object), race (somebody else
 * commits just before).
 * Read next: tests/hub/standin.h. */
#include "tests/hub/standin.h"

#include "base/mem.h"
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static err set_word(struct fault *f, const char *word) {
    struct {
        const char *name;
        int64_t *number;
    } numbers[] = {{"times=", &f->times},
                   {"after=", &f->after},
                   {"status=", &f->status},
                   {"retry-after=", &f->retry_after},
                   {"cut=", &f->cut}};
    struct {
        const char *name;
        bool *flag;
    } flags[] = {{"hold", &f->hold}, {"drop", &f->drop}, {"unanswered", &f->unanswered},
                 {"lose", &f->lose}, {"omit", &f->omit}, {"echo", &f->echo},
                 {"race", &f->race}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (str_starts(word, numbers[i].name))
            return str_to_int64(word + strlen(numbers[i].name), numbers[i].number);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(word, flags[i].name) == 0) {
            *flags[i].flag = true;
            return ERR_OK;
        }
    return fail(ERR_USAGE, "'%s' is no fault", word);
}

err fault_add(struct standin *s, const char *text) {
    struct fault *faults = mem_resize(s->faults, (size_t)s->n_faults + 1, sizeof *faults);
    if (!faults) return ERR_MEMORY;
    s->faults = faults;
    struct fault *f = &faults[s->n_faults++];
    *f = (struct fault){.times = -1, .retry_after = -1, .cut = -1};
    for (int i = 0; *text; i++) {
        char word[256];
        size_t n = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, text);
        if (i == 0)
            f->method = mem_strdup(word);
        else if (i == 1)
            f->path = mem_strdup(word);
        else
            TRY(set_word(f, word));
        text += n + strspn(text + n, " ");
    }
    return f->method && f->path ? ERR_OK : fail(ERR_USAGE, "a fault is METHOD PATH WORD...");
}

struct fault *fault_due(struct standin *s, const struct request *r, bool cuts) {
    for (int64_t i = 0; i < s->n_faults; i++) {
        struct fault *f = &s->faults[i];
        if (f->times == 0 || (f->cut >= 0) != cuts || fnmatch(f->method, r->method, 0) != 0 ||
            fnmatch(f->path, r->path.data, 0) != 0)
            continue;
        if (f->after-- > 0) continue;
        f->after = 0;
        if (f->times > 0) f->times--;
        return f;
    }
    return NULL;
}
