/* SPDX-License-Identifier: Apache-2.0
 * Looking at the machine through /proc, statvfs and the compiler's processor checks.
 * What the system does not tell stays zero or empty, and is shown as not known.
 * Read next: cli/machine.h, the contract. */
#include "cli/machine.h"

#include "base/file.h"
#include "base/par.h"
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PROC_MAX_BYTES = 4 << 20 };

/* The text behind "key", up to the line's end, of a /proc file that reads "key ... : text". */
static err proc_value(const char *path, const char *key, char *out, size_t out_size) {
    struct str text = {0};
    out[0] = '\0';
    if (!file_exists(path)) return ERR_OK;
    err code = file_read(path, PROC_MAX_BYTES, &text);
    for (const char *line = str_text(&text); code == ERR_OK && *line;) {
        size_t n = strcspn(line, "\n");
        const char *colon = memchr(line, ':', n);
        if (colon && strncmp(line, key, strlen(key)) == 0) {
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            size_t len = (size_t)(line + n - value);
            if (len >= out_size) len = out_size - 1;
            memcpy(out, value, len);
            out[len] = '\0';
            break;
        }
        line += n + (line[n] == '\n');
    }
    str_release(&text);
    return code;
}

/* "16309972 kB" in bytes; -1 when the system does not tell. */
static err memory_value(const char *path, const char *key, int64_t *out) {
    char text[64];
    *out = -1;
    TRY(proc_value(path, key, text, sizeof(text)));
    text[strspn(text, "0123456789")] = '\0';
    if (!text[0]) return ERR_OK;
    TRY(str_to_int64(text, out));
    *out *= 1024;
    return ERR_OK;
}

static void look_at_vectors(struct machine *m) {
    m->vectors = "";
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f");
    m->vectors = avx512 ? "avx2 fma avx512f" : avx2 ? "avx2 fma" : "sse2";
    m->fast_products = avx2;
#elif defined(__aarch64__)
    m->vectors = "neon";
    m->fast_products = true;
#endif
}

err machine_look(struct machine *out) {
    memset(out, 0, sizeof(*out));
    out->n_cores = sysconf(_SC_NPROCESSORS_ONLN);
    out->n_threads = par_threads();
    TRY(proc_value("/proc/cpuinfo", "model name", out->processor, sizeof(out->processor)));
    look_at_vectors(out);
    TRY(memory_value("/proc/meminfo", "MemTotal", &out->memory_bytes));
    TRY(memory_value("/proc/meminfo", "MemAvailable", &out->memory_free_bytes));
    struct statvfs disk;
    out->disk_free_bytes =
        statvfs(".", &disk) == 0 ? (int64_t)disk.f_bavail * (int64_t)disk.f_frsize : -1;
    return ERR_OK;
}

/* The number behind `key` in a file of "key number" lines; of a file that is one number, with key
 * "". -1 when there is none ("max" is no limit). */
static err number_in(const char *path, const char *key, int64_t *out) {
    struct str text = {0};
    *out = -1;
    if (!file_exists(path)) return ERR_OK;
    err code = file_read(path, PROC_MAX_BYTES, &text);
    const size_t n = strlen(key);
    for (char *line = text.data; code == ERR_OK && line && *line;) {
        char *end = line + strcspn(line, "\n"), *value = line + n + (n > 0);
        const bool found = str_starts(line, key) && (n == 0 || line[n] == ' ');
        const bool more = *end != '\0';
        *end = '\0';
        if (found && *value && strspn(value, "0123456789") == strlen(value)) {
            code = str_to_int64(value, out);
            break;
        }
        line = end + more;
    }
    str_release(&text);
    return code;
}

/* What the group's limit leaves, as a process in it sees the files. Pages of files that were not
 * used lately are given up when memory is wanted. */
static err group_memory_left(int64_t *out) {
    static const struct {
        const char *limit, *used, *stat, *inactive;
    } files[] = {{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                  "/sys/fs/cgroup/memory.stat", "inactive_file"},
                 {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                  "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"}};
    *out = -1;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        int64_t limit, used, inactive;
        TRY(number_in(files[i].limit, "", &limit));
        TRY(number_in(files[i].used, "", &used));
        TRY(number_in(files[i].stat, files[i].inactive, &inactive));
        if (limit < 0 || used < 0) continue;
        if (inactive > 0) used -= inactive;
        *out = limit > used ? limit - used : 0;
        return ERR_OK;
    }
    return ERR_OK;
}

err machine_json(json_t **out) {
    struct machine m;
    struct utsname u;
    struct str system = {0};
    TRY(machine_look(&m));
    err code = uname(&u) == 0 ? str_printf(&system, "%s %s %s", u.sysname, u.release, u.machine)
                              : fail_errno(ERR_IO, errno, "the system's name");
    *out = code != ERR_OK
               ? NULL
               : json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "program",
                           "cotrain " COTRAIN_VERSION, "compiler", __VERSION__, "system",
                           str_text(&system), "processor", m.processor, "vectors", m.vectors,
                           "cores", (json_int_t)m.n_cores, "threads", (json_int_t)m.n_threads,
                           "memory_bytes", (json_int_t)m.memory_bytes);
    if (code == ERR_OK && *out == NULL) code = fail(ERR_MEMORY, "out of memory");
    str_release(&system);
    return code;
}

err machine_memory_left(int64_t *out) {
    int64_t group;
    TRY(memory_value("/proc/meminfo", "MemAvailable", out));
    TRY(group_memory_left(&group));
    if (group >= 0 && (*out < 0 || group < *out)) *out = group;
    return ERR_OK;
}

err process_memory(struct process_memory *out) {
    TRY(memory_value("/proc/self/status", "RssAnon", &out->anonymous_bytes));
    TRY(memory_value("/proc/self/status", "VmHWM", &out->peak_resident_bytes));
    if (out->anonymous_bytes < 0) out->anonymous_bytes = 0;
    if (out->peak_resident_bytes < 0) out->peak_resident_bytes = 0;
    return ERR_OK;
}
