/* SPDX-License-Identifier: Apache-2.0
 * Files: reading, mapping and atomic writing. Folders are in base/dir.c.
 * Every system call that changes something goes through base/file_int.h, which can make it fail.
 * Read next: base/file.h, the contract. */
#include "base/file.h"

#include "base/fault.h"
#include "base/file_int.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 16, READ_BYTES = 1 << 16 };

static err io_failed(const char *what, const char *path) {
    int why = errno;
    err e = fail_errno(ERR_IO, why, "cannot %s '%s'", what, path);
    if (why == ENOSPC || why == EDQUOT)
        return fail_hint(e, "free some space and run the same command again");
    return e;
}

static bool io_fault(void) {
    if (!fault_now(FAULT_IO)) return false;
    errno = ENOSPC;
    return true;
}

err file_read(const char *path, size_t max_bytes, struct str *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_failed("open", path);
    char *buffer = mem_alloc(READ_BYTES, 1);
    err e = buffer != NULL ? ERR_OK : ERR_MEMORY;
    size_t total = 0;
    while (e == ERR_OK) {
        ssize_t n = read(fd, buffer, READ_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) e = io_failed("read", path);
        if (n <= 0) break;
        total += (size_t)n;
        if (total > max_bytes)
            e = fail(ERR_LIMIT, "'%s' is over %zu bytes", path, max_bytes);
        else
            e = str_append(out, buffer, (size_t)n);
    }
    mem_free(buffer);
    close(fd);
    return e;
}

static err write_all(int fd, const char *path, const char *data, size_t n) {
    if (io_fault()) return io_failed("write", path);
    while (n > 0) {
        ssize_t written = write(fd, data, n);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return io_failed("write", path);
        data += written;
        n -= (size_t)written;
    }
    return ERR_OK;
}

err file_sync(int fd, const char *path) {
    if (io_fault() || fsync(fd) != 0) return io_failed("sync", path);
    return ERR_OK;
}

err file_nameless(const char *dir, int *out_fd) {
    *out_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out_fd >= 0) return ERR_OK;
    char *path = path_join(dir, ".nameless-XXXXXX"); /* where the file system has no such files */
    if (path == NULL) return ERR_MEMORY;
    *out_fd = mkostemp(path, O_CLOEXEC);
    err e = *out_fd >= 0 && unlink(path) == 0 ? ERR_OK : io_failed("make a file in", dir);
    if (e != ERR_OK && *out_fd >= 0) close(*out_fd);
    mem_free(path);
    return e;
}

err file_rename(const char *from, const char *to) {
    if (io_fault() || rename(from, to) != 0) return io_failed("put in place", to);
    return ERR_OK;
}

err file_exchange(const char *one, const char *other) {
    if (io_fault() || renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0)
        return io_failed("put in place", other);
    return ERR_OK;
}

err file_writer_open(struct file_writer *w, const char *path) {
    *w = (struct file_writer){.fd = -1};
    struct str temporary = {0};
    err e = str_printf(&temporary, "%s.tmp-%lld", path, (long long)getpid());
    w->path = mem_strdup(path);
    w->temporary = temporary.data;
    w->buffer = mem_alloc(BUFFER_BYTES, 1);
    if (e == ERR_OK && (w->path == NULL || w->buffer == NULL)) e = ERR_MEMORY;
    if (e == ERR_OK) {
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (w->fd < 0) e = io_failed("create", path);
    }
    if (e != ERR_OK) file_writer_abort(w);
    return e;
}

static err flush(struct file_writer *w) {
    if (w->buffered_bytes == 0) return ERR_OK;
    size_t n = w->buffered_bytes;
    w->buffered_bytes = 0;
    return write_all(w->fd, w->path, w->buffer, n);
}

err file_writer_write(struct file_writer *w, const void *data, size_t n) {
    w->offset_bytes += (int64_t)n;
    if (n > BUFFER_BYTES - w->buffered_bytes) TRY(flush(w));
    if (n >= BUFFER_BYTES) return write_all(w->fd, w->path, data, n);
    if (n > 0) memcpy(w->buffer + w->buffered_bytes, data, n);
    w->buffered_bytes += n;
    return ERR_OK;
}

err file_writer_commit(struct file_writer *w) {
    err e = flush(w);
    if (e == ERR_OK) e = file_sync(w->fd, w->path);
    if (e == ERR_OK) e = file_rename(w->temporary, w->path);
    if (e == ERR_OK) {
        mem_free(w->temporary); /* it is the target now: abort must not remove it */
        w->temporary = NULL;
        e = dir_sync_parent(w->path);
    }
    file_writer_abort(w);
    return e;
}

void file_writer_abort(struct file_writer *w) {
    if (w->fd >= 0) {
        close(w->fd);
        if (w->temporary != NULL) unlink(w->temporary);
    }
    mem_free(w->path);
    mem_free(w->temporary);
    mem_free(w->buffer);
    *w = (struct file_writer){.fd = -1};
}

err file_write(const char *path, const void *data, size_t n) {
    struct file_writer w;
    TRY(file_writer_open(&w, path));
    err e = file_writer_write(&w, data, n);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

err file_copy(const char *from, const char *to) {
    struct file_map map;
    TRY(file_map_open(&map, from));
    err e = file_write(to, map.data, map.size_bytes);
    file_map_close(&map);
    return e;
}

err file_append(const char *path, const void *data, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return io_failed("open", path);
    err e = write_all(fd, path, data, n);
    if (close(fd) != 0 && e == ERR_OK) e = io_failed("close", path);
    return e;
}

err file_flush(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_failed("open", path);
    err e = file_sync(fd, path);
    close(fd);
    return e;
}

bool file_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

err file_size(const char *path, int64_t *out_bytes) {
    struct stat info;
    if (stat(path, &info) != 0) return io_failed("read", path);
    *out_bytes = info.st_size;
    return ERR_OK;
}

err file_remove(const char *path) {
    if (unlink(path) == 0 || errno == ENOENT) return ERR_OK;
    return io_failed("remove", path);
}

err file_map_open(struct file_map *m, const char *path) {
    *m = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO has nobody at its other end */
    if (fd < 0) return io_failed("open", path);
    struct stat info;
    err e = fstat(fd, &info) == 0 ? ERR_OK : io_failed("read", path);
    if (e == ERR_OK && !S_ISREG(info.st_mode)) e = fail(ERR_IO, "'%s' is not a regular file", path);
    if (e == ERR_OK && info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            e = io_failed("map", path);
        else
            *m = (struct file_map){data, (size_t)info.st_size};
    }
    close(fd);
    return e;
}

void file_map_close(struct file_map *m) {
    if (m->data != NULL) munmap((void *)m->data, m->size_bytes);
    *m = (struct file_map){0};
}

void file_map_forget(const struct file_map *m, const void *data, size_t n) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), base = (uintptr_t)m->data;
    uintptr_t begin = (uintptr_t)data / page * page, end = (uintptr_t)data + n;
    if (!n) return;
    BUG_IF(begin < base || end > base + m->size_bytes);
    madvise((void *)begin, end - begin, MADV_DONTNEED); /* only advice: failing changes nothing */
}

err line_reader_open(struct line_reader *r, const char *path, size_t max_line_bytes) {
    *r = (struct line_reader){.max_line_bytes = max_line_bytes};
    r->path = mem_strdup(path);
    if (r->path == NULL) return ERR_MEMORY;
    r->stream = fopen(path, "re");
    if (r->stream != NULL) return ERR_OK;
    err e = io_failed("open", path);
    line_reader_close(r);
    return e;
}

err line_reader_next(struct line_reader *r, bool *out_more) {
    ssize_t n = getline(&r->line, &r->capacity, r->stream);
    *out_more = n >= 0;
    if (n < 0) return ferror((FILE *)r->stream) ? io_failed("read", r->path) : ERR_OK;
    r->line_number++;
    if (n > 0 && r->line[n - 1] == '\n') n--;
    if (n > 0 && r->line[n - 1] == '\r') n--;
    if (r->line_number == 1 && n >= 3 && memcmp(r->line, "\xEF\xBB\xBF", 3) == 0)
        memmove(r->line, r->line + 3, (size_t)(n -= 3));
    r->line[n] = '\0';
    r->len = (size_t)n;
    if (r->len <= r->max_line_bytes) return ERR_OK;
    return fail(ERR_LIMIT, "'%s' line %lld: longer than %zu bytes", r->path,
                (long long)r->line_number, r->max_line_bytes);
}

void line_reader_close(struct line_reader *r) {
    if (r->stream != NULL) fclose(r->stream);
    free(r->line); /* getline's own */
    mem_free(r->path);
    *r = (struct line_reader){0};
}
