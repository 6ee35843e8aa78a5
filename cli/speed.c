/* SPDX-License-Identifier: Apache-2.0
 * Speed by the wall clock. A step that reads a prompt may continue other answers on the way; those
 * few tokens count with the prompt's time.
 * Read next: cli/speed.h, the contract. */
#include "cli/speed.h"
#include "base/clock.h"
#include "base/log.h"
#include <sys/resource.h>

void speed_start(struct speed *s) {
    *s = (struct speed){.last_s = clock_seconds()};
}

void speed_step(struct speed *s, int64_t n_prompt, int64_t n_answer) {
    const double now = clock_seconds();
    *(n_prompt ? &s->prompt_s : &s->answer_s) += now - s->last_s;
    *(n_prompt ? &s->prompt_tokens : &s->answer_tokens) += n_prompt + n_answer;
    s->last_s = now;
}

static void report(const char *what, int64_t tokens, double seconds) {
    log_write(LOG_CLI, LOG_INFO, "%s: %lld tokens in %.2f s, %.1f tokens/s", what,
              (long long)tokens, seconds, seconds > 0 ? (double)tokens / seconds : 0);
}

void speed_report(const struct speed *s) {
    struct rusage usage;
    report("prompt", s->prompt_tokens, s->prompt_s);
    report("answer", s->answer_tokens, s->answer_s);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        log_write(LOG_CLI, LOG_INFO, "peak memory: %.2f GB, mapped weights among it",
                  (double)usage.ru_maxrss * 1024e-9);
}
