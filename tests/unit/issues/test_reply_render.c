/* SPDX-License-Identifier: Apache-2.0
 * Drafts of replies as GitHub's own renderer of Markdown (cmark-gfm, with its extensions) shows
 * them: whatever a stranger's text holds, all of it stands within <code>, where GitHub looks for no
 * mention, reference or link, and no tag is there that a harmless text would not have. Skipped
 * without cmark-gfm.
 * Under test: issues/reply/reply.h, issues/reply/replies.def. */
#include "tests/unit/test.h"

#include "tests/unit/issues/drafts.h"
#include "tests/unit/spawn.h"

static const char *dir;

static int make_dir(void **state) {
    (void)state;
    dir = test_folder();
    return 0;
}
static int remove_dir(void **state) {
    (void)state;
    test_folder_remove(dir);
    return 0;
}

/* The draft as HTML. */
static void render(const struct reply *r, struct str *html) {
    char in[128], out[128];
    struct str text = {0};
    snprintf(in, sizeof in, "%s/draft.md", dir);
    snprintf(out, sizeof out, "%s/draft.html", dir);
    assert_ok(reply_draft(r, &text));
    assert_ok(file_write(in, text.data, text.len));
    str_release(&text);
    const char *const argv[] = {"cmark-gfm", "--unsafe",      "-e", "autolink", "-e", "table",
                                "-e",        "strikethrough", "-e", "tasklist", in,   NULL};
    assert_int_equal(test_run(argv, out), 0);
    assert_ok(file_read(out, 1 << 24, html));
}

/* The tags of the HTML, one after the other, and how often MARK stands outside of <code>. */
static int take_apart(const struct str *html, struct str *tags) {
    int code = 0, outside = 0;
    for (const char *p = str_text(html); *p; p++) {
        if (strncmp(p, "<!--", 4) == 0) { /* the marker at the end */
            const char *end = strstr(p, "-->");
            assert_non_null(end);
            assert_ok(str_append(tags, p, (size_t)(end + 3 - p)));
            p = end + 2;
        } else if (*p == '<') {
            size_t n = strcspn(p, ">") + 1;
            assert_ok(str_append(tags, p, n));
            code += strncmp(p, "<code", 5) == 0;
            code -= strncmp(p, "</code>", 7) == 0;
            p += n - 1;
        } else if (strncmp(p, MARK, strlen(MARK)) == 0) {
            outside += code == 0;
        }
    }
    return outside;
}

static void strangers_stay_within_code(void **state) {
    (void)state;
    for (int kind = 0; kind < REPLY_COUNT; kind++) {
        struct str html = {0}, tags = {0};
        struct reply plain = full_reply((enum reply_kind)kind, "zh", MARK);
        render(&plain, &html);
        assert_non_null(strstr(html.data, "<code>" MARK "</code>"));
        assert_int_equal(take_apart(&html, &tags), 0);
        for (int i = 0; i < N_HOSTILE; i++) {
            struct str other = {0}, other_tags = {0};
            struct reply r = full_reply((enum reply_kind)kind, i % 2 ? "zh" : "en", hostile[i]);
            render(&r, &other);
            if (take_apart(&other, &other_tags) > 0 || !strstr(other.data, MARK))
                fail_msg("'%s' is not within code:\n%s", hostile[i], other.data);
            if (strcmp(tags.data, other_tags.data) != 0)
                fail_msg("'%s' changed the tags:\n%s", hostile[i], other.data);
            str_release(&other);
            str_release(&other_tags);
        }
        str_release(&html);
        str_release(&tags);
    }
}

/* What a draft is meant to have: the quote, the form's two blocks, and its own links alone. */
static void a_draft_is_laid_out(void **state) {
    (void)state;
    struct str html = {0};
    struct reply r = full_reply(REPLY_needs_information, "zh", "芯片代码");
    render(&r, &html);
    assert_non_null(
        strstr(html.data, "<blockquote>\n<p>场景：<code>芯片代码</code></p>\n</blockquote>"));
    assert_non_null(strstr(html.data, "<li>输入：模型会收到什么内容，是什么形式</li>"));
    assert_non_null(
        strstr(html.data, "<pre><code class=\"language-text\">场景需求：芯片代码\n输入：\n"));
    assert_null(strstr(html.data, "<a "));
    str_clear(&html);
    r = full_reply(REPLY_released, "zh", "T");
    render(&r, &html);
    const char *link =
        strstr(html.data, "<a href=\"https://huggingface.co/IEITYuan/Yuan2-2B-Mars-hf\">");
    assert_non_null(link);
    assert_null(strstr(link + 1, "<a "));
    str_release(&html);
}

int main(void) {
    if (test_run((const char *const[]){"cmark-gfm", "--version", NULL}, "/dev/null")) {
        puts("skipped: there is no cmark-gfm (Debian package cmark-gfm)");
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(strangers_stay_within_code, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_draft_is_laid_out, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
