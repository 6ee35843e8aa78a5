/* SPDX-License-Identifier: Apache-2.0
 * P-256 signatures, base64 and running other programs. Keys are made by the openssl program, which
 * also judges our signatures and makes one that we judge; the program itself is run through
 * base/program.h.
 * Under test: base/sign.c, base/base64.c, base/program.c. */
#include "tests/unit/test.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/sign.h"
#include <fcntl.h>
#include <sys/stat.h>

static const char *dir;
static char path[512];

static int make_folder(void **state) {
    (void)state;
    dir = test_folder();
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(dir);
    return 0;
}

static const char *in_dir(const char *name) {
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* `command` by the shell, in the folder; fails the test where it does. */
static void shell(const char *command) {
    char text[2048];
    snprintf(text, sizeof text, "umask 077; cd '%s' && %s", dir, command);
    const char *const words[] = {"sh", "-c", text, NULL};
    struct program p = {.words = words};
    assert_ok(program_run(&p));
    if (p.exit_code != 0) fail_msg("%s: %s", command, str_text(&p.errors));
    program_clear(&p);
}

static void put(const char *name, const void *data, size_t n) {
    assert_ok(file_write(in_dir(name), data, n));
}

static void make_key(void) {
    shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key 2>&1");
    shell("openssl pkey -in key -pubout -out public");
}

static void openssl_accepts_our_signature(void **state) {
    (void)state;
    struct sign_key *key = NULL;
    struct str signature = {0};
    make_key();
    assert_ok(sign_key_read(&key, in_dir("key")));
    assert_ok(sign_bytes(key, "a message", 9, &signature));
    put("signature", signature.data, signature.len);
    put("message", "a message", 9);
    shell("openssl dgst -sha256 -verify public -signature signature message >said");
    shell("grep -q 'Verified OK' said");
    char hint[SHA256_HEX_SIZE];
    assert_ok(sha256_file(in_dir("public"), hint));
    assert_string_equal(sign_key_hint(key), hint);
    str_release(&signature);
    sign_key_free(key);
}

static void we_judge_openssls_signature(void **state) {
    (void)state;
    struct sign_key *key = NULL;
    struct str message = {0}, signature = {0};
    bool good = false;
    make_key();
    put("message", "a message", 9);
    shell("openssl dgst -sha256 -sign key -out signature message");
    assert_ok(sign_key_read_public(&key, in_dir("public")));
    assert_ok(str_add(&message, "a message"));
    assert_ok(file_read(in_dir("signature"), 4096, &signature));
    assert_ok(sign_verify(key, &message, &signature, &good));
    assert_true(good);
    for (size_t i = 0; i < message.len; i++) { /* every byte counts */
        message.data[i] ^= 1;
        assert_ok(sign_verify(key, &message, &signature, &good));
        assert_false(good);
        message.data[i] ^= 1;
    }
    signature.data[signature.len - 1] ^= 1;
    assert_ok(sign_verify(key, &message, &signature, &good));
    assert_false(good);
    str_clear(&signature);
    assert_ok(sign_verify(key, &message, &signature, &good));
    assert_false(good);
    sign_key_free(key);
    shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkey -pubout "
          "-out public");
    assert_ok(file_read(in_dir("signature"), 4096, &signature));
    assert_ok(sign_key_read_public(&key, in_dir("public")));
    assert_ok(sign_verify(key, &message, &signature, &good));
    assert_false(good);
    sign_key_free(key);
    str_release(&message);
    str_release(&signature);
}

static void wrong_keys_are_named_and_not_shown(void **state) {
    (void)state;
    static const struct {
        const char *make, *name;
        err code;
        const char *says;
        bool public;
    } rows[] = {
        {"true", "nothing", ERR_MISSING, "No such file", false},
        {"true", "nothing", ERR_MISSING, "No such file", true},
        {"mkdir -p folder", "folder", ERR_UNSUPPORTED, "is no regular file", false},
        {"mkfifo pipe", "pipe", ERR_UNSUPPORTED, "is no regular file", true},
        {"chmod 640 key", "key", ERR_DENIED, "is open to others (mode 640)", false},
        {"chmod 600 key", "public", ERR_UNSUPPORTED, "is a public key", false},
        {"true", "key", ERR_UNSUPPORTED, "is a private key; its public half is wanted", true},
        {"openssl genpkey -algorithm ed25519 -out ed", "ed", ERR_UNSUPPORTED, "'ED25519'", false},
        {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out wide", "wide",
         ERR_UNSUPPORTED, "'secp384r1'", false},
        {"openssl pkey -in wide -pubout -out widepublic", "widepublic", ERR_UNSUPPORTED,
         "'secp384r1'", true},
        {"openssl pkey -in key -aes256 -passout pass:word -out locked", "locked", ERR_DENIED,
         "is encrypted", false},
        {"openssl ec -in key -aes256 -passout pass:word -out locked2 2>/dev/null", "locked2",
         ERR_DENIED, "is encrypted", false},
        {"ssh-keygen -q -t ed25519 -N '' -f ssh", "ssh", ERR_UNSUPPORTED, "is an OpenSSH key",
         false},
        {"head -c 100 key >short", "short", ERR_PARSE, "is no PEM file", false},
        {"head -c 40000 /dev/zero >zeros", "zeros", ERR_PARSE, "is no PEM file", false},
        {": >empty", "empty", ERR_PARSE, "is no PEM file", true},
    };
    make_key();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sign_key *key = NULL;
        shell(rows[i].make);
        const char *file = in_dir(rows[i].name);
        assert_fails(rows[i].public ? sign_key_read_public(&key, file) : sign_key_read(&key, file),
                     rows[i].code, rows[i].says);
        assert_null(key);
        assert_non_null(strstr(err_message(), rows[i].name));
        assert_null(strstr(err_message(), "BEGIN"));
    }
}

static void base64_both_ways(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    struct str text = {0}, data = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        str_clear(&text);
        str_clear(&data);
        assert_ok(base64_encode(rows[i][0], strlen(rows[i][0]), &text));
        assert_string_equal(str_text(&text), rows[i][1]);
        assert_ok(base64_decode(str_text(&text), text.len, &data));
        assert_string_equal(str_text(&data), rows[i][0]);
    }
    unsigned char all[256];
    for (int i = 0; i < 256; i++) all[i] = (unsigned char)i;
    for (size_t n = 254; n <= 256; n++) {
        str_clear(&text);
        str_clear(&data);
        assert_ok(base64_encode(all, n, &text));
        assert_ok(base64_decode(str_text(&text), text.len, &data));
        assert_int_equal(data.len, n);
        assert_memory_equal(data.data, all, n);
    }
    str_clear(&data);
    assert_ok(base64_decode("_-8=", 4, &data));
    assert_memory_equal(data.data, "\xff\xef", 2);
    static const char *const bad[] = {
        "Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "====", "Zm\n9", "Zm9v\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(base64_decode(bad[i], strlen(bad[i]), &data), ERR_PARSE, "base64");
    str_release(&text);
    str_release(&data);
}

static void programs_run(void **state) {
    (void)state;
    const char *const words[] = {"sh", "-c", "wc -c; echo first >&2; echo second >&2; exit 3",
                                 NULL};
    char *large = mem_zalloc(1 << 20, 1);
    struct program p = {.words = words, .input = large, .n_input = 1 << 20};
    struct str said = {0};
    assert_ok(program_run(&p));
    assert_int_equal(p.exit_code, 3);
    assert_string_equal(str_text(&p.output), "1048576\n");
    assert_ok(program_complaint(&p, &said));
    assert_string_equal(str_text(&said), "first");
    program_clear(&p);
    const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
    p = (struct program){.words = killed, .input = large, .n_input = 1 << 20}; /* reads nothing */
    assert_ok(program_run(&p));
    assert_int_equal(p.exit_code, 128 + 9);
    program_clear(&p);
    const char *const none[] = {"cotrain-has-no-such-program", NULL};
    p = (struct program){.words = none};
    assert_fails(program_run(&p), ERR_MISSING, "'cotrain-has-no-such-program'");
    mem_free(large);
    str_release(&said);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(openssl_accepts_our_signature),
        EACH(we_judge_openssls_signature),
        EACH(wrong_keys_are_named_and_not_shown),
        cmocka_unit_test(base64_both_ways),
        EACH(programs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
