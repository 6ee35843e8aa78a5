/* SPDX-License-Identifier: Apache-2.0
 * The line of plain text that progress has where there is no terminal, and on a terminal how it is
 * cut: by the columns that characters take, not by bytes. What training shows on one is tested by
 * tests/shell/test_display.sh.
 * Under test: base/progress.h, base/str.h. */
#include "tests/unit/test.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void characters_take_columns(void **state) {
    (void)state;
    static const struct {
        uint32_t c;
        int columns;
    } rows[] = {
        {'a', 1},     {'\n', 0},    {0x7F, 0},     {0xE9, 1},   {0x301, 0},  {0x10FF, 1},
        {0x1100, 2},  {0x200B, 0},  {0x2588, 1},   {0x3000, 2}, {0x303F, 1}, {0x4E00, 2},
        {0x9FFF, 2},  {0xAC00, 2},  {0xFF01, 2},   {0xFF61, 1}, {0xFEFF, 0}, {0x1F600, 2},
        {0x20000, 2}, {0x3FFFD, 2}, {0x10FFFF, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (utf8_columns(rows[i].c) != rows[i].columns)
            fail_msg("U+%04X takes %d columns", rows[i].c, utf8_columns(rows[i].c));
}

/* Runs `draw` with stderr into `to`. */
static void draw_into(int to, void (*draw)(void)) {
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(to, STDERR_FILENO) >= 0);
    draw();
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(to);
}

static void capture(void (*draw)(void), struct str *out) {
    const char *dir = test_folder();
    char path[200];
    snprintf(path, sizeof path, "%s/err", dir);
    draw_into(open(path, O_WRONLY | O_CREAT, 0600), draw);
    assert_ok(file_read(path, 1 << 16, out));
    test_folder_remove(dir);
}

static void draw_all(void) {
    static const char *const notes[] = {"loss 2.5", "fast"};
    struct progress p;
    progress_start(&p, "work", 1000);
    for (int64_t i = 1; i <= 1000; i++)
        if (progress_is_due(&p, i)) progress_draw(&p, i, notes, 2);
    progress_step(&p, 1000); /* it was shown */
    progress_end(&p);
}

static void plain_lines_are_ten(void **state) {
    (void)state;
    struct str text = {0};
    int lines = 0;
    capture(draw_all, &text);
    for (size_t i = 0; i < text.len; i++) lines += text.data[i] == '\n';
    assert_int_equal(lines, 10);
    assert_null(strchr(str_text(&text), '\r'));
    assert_null(strchr(str_text(&text), '\033'));
    assert_true(str_starts(str_text(&text), "work 100/1000 [0:0"));
    assert_true(str_ends(str_text(&text), "]  loss 2.5  fast\n"));
    assert_non_null(strstr(str_text(&text), "work 1000/1000 ["));
    str_release(&text);
}

static const char *terminal_notes[] = {"\xE6\x8D\x9F\xE5\xA4\xB1 2.5", "a note that is long", "x"};

static void draw_wide(void) {
    struct progress p;
    progress_start(&p, "\xE8\x8A\xAF\xE7\x89\x87", 4); /* four columns */
    progress_draw(&p, 4, terminal_notes, 3);
    progress_end(&p);
}

/* A terminal of so many columns, by COLUMNS: the line is one shorter at most. */
static void terminals_are_cut_by_columns(void **state) {
    (void)state;
    static const struct {
        const char *columns, *line;
    } rows[] = {
        {"67", "\xE8\x8A\xAF\xE7\x89\x87 100%|##########| 4/4 [0:00]  "
               "\xE6\x8D\x9F\xE5\xA4\xB1 2.5  a note that is long  x"},
        /* the bar is left out, then notes that do not fit */
        {"55", "\xE8\x8A\xAF\xE7\x89\x87 100% 4/4 [0:00]  "
               "\xE6\x8D\x9F\xE5\xA4\xB1 2.5  a note that is long  x"},
        {"36", "\xE8\x8A\xAF\xE7\x89\x87 100% 4/4 [0:00]  \xE6\x8D\x9F\xE5\xA4\xB1 2.5  x"},
        {"25", "\xE8\x8A\xAF\xE7\x89\x87 100% 4/4 [0:00]  x"},
        {"11", "\xE8\x8A\xAF\xE7\x89\x87 100% "},
        {"4", "\xE8\x8A\xAF"}, /* half a character is none */
    };
    assert_int_equal(setenv("TERM", "xterm", 1) | setenv("LC_ALL", "C", 1), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char shown[512], wanted[512];
        int terminal = posix_openpt(O_RDWR | O_NOCTTY);
        assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
        assert_int_equal(setenv("COLUMNS", rows[i].columns, 1), 0);
        draw_into(open(ptsname(terminal), O_RDWR | O_NOCTTY), draw_wide);
        size_t n = 0; /* it comes in pieces, and behind the last one there is nobody */
        for (ssize_t got; (got = read(terminal, shown + n, sizeof shown - 1 - n)) > 0;)
            n += (size_t)got;
        shown[n] = '\0';
        snprintf(wanted, sizeof wanted, "\r%s\033[K\r\n", rows[i].line);
        assert_string_equal(shown, wanted);
        close(terminal);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_take_columns),
        cmocka_unit_test(plain_lines_are_ten),
        cmocka_unit_test(terminals_are_cut_by_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
