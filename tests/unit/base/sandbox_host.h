/* SPDX-License-Identifier: Apache-2.0
 * The host that a contained program must not touch, set up so that touching shows: a folder
 * with a secret, a server on loopback and one on an abstract name, a secret in the environment,
 * and a marker in the command line of all that is run. host_check holds them, and this process,
 * against what they were. Include behind tests/unit/test.h. */
#ifndef COTRAIN_TESTS_UNIT_BASE_SANDBOX_HOST_H
#define COTRAIN_TESTS_UNIT_BASE_SANDBOX_HOST_H

#include "base/mem.h"
#include "base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { SKIPPED = 77 };
#define SECRET_TEXT "the-host-keeps-this-to-itself"

struct host {
    char folder[128], marker[64], port[16];
    int tcp, named;
    size_t n_descriptors;
    int64_t live_blocks;
};

static struct str programs; /* tests/data/sandbox/programs.py */

static size_t count_descriptors(void) {
    struct name_list names;
    assert_ok(dir_list("/proc/self/fd", &names));
    const size_t n = names.n;
    name_list_release(&names);
    return n;
}

/* Processes with the marker in their command line, whose first word has `first` in it. */
static int count_marked(const char *marker, const char *first) {
    DIR *dir = opendir("/proc");
    int n = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[300], line[4096];
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        const ssize_t size = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
        if (fd >= 0) close(fd);
        if (size <= 0) continue;
        line[size] = '\0';
        n += memmem(line, (size_t)size, marker, strlen(marker)) && strstr(line, first);
    }
    closedir(dir);
    return n;
}

static int listen_at(const void *address, socklen_t size, int family) {
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void host_set_up(struct host *h) {
    static int number;
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un named = {.sun_family = AF_UNIX};
    socklen_t size = sizeof tcp;
    snprintf(h->folder, sizeof h->folder, "%s", test_folder());
    snprintf(h->marker, sizeof h->marker, "cotrain-marker-%d-%d", (int)getpid(), number++);
    char path[160];
    snprintf(path, sizeof path, "%s/secret.txt", h->folder);
    assert_ok(file_write(path, SECRET_TEXT, strlen(SECRET_TEXT)));
    assert_int_equal(chmod(h->folder, 0777) | chmod(path, 0666),
                     0); /* only the sandbox is in the way */
    h->tcp = listen_at(&tcp, sizeof tcp, AF_INET);
    assert_int_equal(getsockname(h->tcp, (struct sockaddr *)&tcp, &size), 0);
    snprintf(h->port, sizeof h->port, "%d", ntohs(tcp.sin_port));
    snprintf(named.sun_path + 1, sizeof named.sun_path - 1, "%s", h->marker);
    h->named = listen_at(
        &named, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(h->marker)),
        AF_UNIX);
    h->n_descriptors = count_descriptors();
    h->live_blocks = mem_stats().live_blocks;
}

static void host_check(const struct host *h, bool contained) {
    struct name_list names;
    struct str text = {0};
    char path[160];
    /* without a sandbox they are killed, and that is not waited for */
    while (!contained && count_marked(h->marker, "") > 0) sched_yield();
    assert_int_equal(count_marked(h->marker, ""), 0);
    assert_ok(dir_list(h->folder, &names));
    assert_int_equal(names.n, 1);
    name_list_release(&names);
    snprintf(path, sizeof path, "%s/secret.txt", h->folder);
    assert_ok(file_read(path, 1000, &text));
    assert_string_equal(str_text(&text), SECRET_TEXT);
    str_release(&text);
    assert_int_equal(accept(h->tcp, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(accept(h->named, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(count_descriptors(), h->n_descriptors);
    assert_int_equal(mem_stats().live_blocks, h->live_blocks);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, not even a dead one */
    static const char *const outside[] = {"/", "/usr/", "/usr/bin/", "/etc/", "/dev/", "/var/tmp/"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        snprintf(path, sizeof path, "%s%s", outside[i], h->marker);
        assert_false(file_exists(path));
    }
}

static void host_take_down(const struct host *h) {
    close(h->tcp);
    close(h->named);
    test_folder_remove(h->folder);
}

/* Runs `name` of programs.py. */
struct request {
    const char *name, *method, *input;
    struct sandbox_limits limits;
    bool unsafe;
};
static err host_run(const struct host *h, const struct request *r, struct sandbox_result *out) {
    const struct sandbox_file files[] = {{"main.py", programs.data, programs.len, false},
                                         {"run.sh", "#!/bin/sh\necho ran\n", 19, true}};
    const char *const argv[] = {"python3", "main.py", r->name, h->marker, h->folder, h->port, NULL};
    const struct sandbox_options options = {.argv = argv,
                                            .input = r->input,
                                            .input_bytes = r->input ? strlen(r->input) : 0,
                                            .files = files,
                                            .n_files = 2,
                                            .limits = r->limits,
                                            .method = r->method,
                                            .unsafe = r->unsafe};
    return sandbox_run(&options, out);
}

/* Whether a method works here; else why not is said. */
static bool method_works(const char *method) {
    static const char *const argv[] = {"true", NULL};
    struct sandbox_result result;
    const err e = sandbox_run(
        &(struct sandbox_options){.argv = argv, .method = method, .unsafe = true}, &result);
    if (e != ERR_OK) print_message("%s: left out: %s\n", method, err_message());
    if (e != ERR_OK && e != ERR_UNSUPPORTED) abort();
    sandbox_result_release(&result);
    return e == ERR_OK;
}

static void load_programs(void) {
    if (file_read(SOURCE_DIR "/tests/data/sandbox/programs.py", 1 << 20, &programs) != ERR_OK)
        abort();
    setenv("COTRAIN_TEST_SECRET", SECRET_TEXT, 1);
}

#endif
