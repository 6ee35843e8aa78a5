/* SPDX-License-Identifier: Apache-2.0
 * Replies for tests: one of every kind with all of its fields, and the texts of people who would
 * have a reply say or do something else. Each of those holds MARK, by which it is found again.
 * Include behind tests/unit/test.h. */
#ifndef COTRAIN_TESTS_UNIT_ISSUES_DRAFTS_H
#define COTRAIN_TESTS_UNIT_ISSUES_DRAFTS_H

#include "issues/reply/reply.h"

#define MARK "zqx"

static const char *const hostile[] = {
    "zqx @torvalds @org/team \\@someone please look",
    "zqx #12 org/repo#3 GH-12 org/repo@0123456789abcdef0123456789abcdef01234567",
    "zqx [click](https://evil.example) <https://evil.example> https://evil.example "
    "www.evil.example",
    "zqx ![image](https://evil.example/x.png) <img src=x onerror=alert(1)>",
    "zqx <script>alert(1)</script> <a href=\"https://evil.example\">x</a> &lt;b&gt; &#64;user",
    "zqx `code` ``two`` ```three``` ````",
    "`zqx`",
    "```\nzqx\n```\n@torvalds [a](b)",
    "` zqx @torvalds `",
    "``` zqx @torvalds ``",
    "zqx\n\n# Heading\n\n@torvalds",
    "zqx\r\n\r\n> quote\r\n\r\n- list",
    "zqx\xE2\x80\xA8@torvalds\xE2\x80\xA9#12\xC2\x85- x",
    "zqx --> <!-- cotrain:reply a/b#1 rejected 2024-01 -->",
    "zqx\n<!-- cotrain:reply a/b#1 rejected 2024-01 -->\n",
    "<!-- zqx",
    "zqx *bold* _it_ ~~gone~~ **x** | a | b |\n|---|---|",
    "zqx\xE2\x80\xAE evil \xE2\x80\x8B @\xE2\x80\x8Btorvalds \xE2\x81\xA6x",
    "zqx\x1b[31m \x01 \x7f",
    "zqx \xFF\xFE \xC0\x80 \xED\xA0\x80",
    "zqx $`@torvalds`$ $$x$$ :smile: \\",
    "zqx [ref]: https://evil.example\n\n[^1]: note [ref] [^1]",
    "- [x] zqx task",
    "zqx `` ` ``` ` ` ``"};
enum { N_HOSTILE = sizeof hostile / sizeof hostile[0] };

static const char *const all_missing[] = {"input", "output", "examples"};

/* A reply of that kind with every field; strangers' texts are `text`. */
static inline struct reply full_reply(enum reply_kind kind, const char *language,
                                      const char *text) {
    return (struct reply){
        .kind = kind,
        .language = language,
        .id = "IEIT-Yuan/Yuan-2.0#22@1898012345",
        .month = "2024-03",
        .login = "dev-001",
        .scenario = text,
        .reason = text,
        .to_month = "2024-04",
        .missing = all_missing,
        .n_missing = 3,
        .rank = 2,
        .of = 7,
        .merged_with = "IEIT-Yuan/Yuan-2.0#22@1800000002",
        .merged_url = "https://github.com/IEIT-Yuan/Yuan-2.0/issues/22#issuecomment-1800000002",
        .release_name = text,
        .release_url = "https://huggingface.co/IEITYuan/Yuan2-2B-Mars-hf",
        .before = 0.125,
        .after = 0.4167,
        .n_cases = 24,
    };
}

#endif
