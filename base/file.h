/* SPDX-License-Identifier: Apache-2.0
 * Files. Everything written appears whole or not at all: temporary file beside the target, fsync,
 * rename, fsync of the folder. Folders likewise: fill DIR.tmp-*, then dir_commit. Every write,
 * fsync and rename counts as one I/O operation that base/fault.h can make fail or kill. Errors name
 * the path and the system's reason. */
#ifndef COTRAIN_BASE_FILE_H
#define COTRAIN_BASE_FILE_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the whole file to `out`; more than max_bytes is ERR_LIMIT. */
MUST_CHECK err file_read(const char *path, size_t max_bytes, struct str *out);
MUST_CHECK err file_write(const char *path, const void *data, size_t n);
MUST_CHECK err file_copy(const char *from, const char *to);
bool file_exists(const char *path); /* anything of that name */
bool dir_exists(const char *path);
MUST_CHECK err file_size(const char *path, int64_t *out_bytes);
MUST_CHECK err file_remove(const char *path); /* absent is fine */

/* Streaming atomic write. After open: write any number of times, then exactly one of commit, abort.
 */
struct file_writer {
    int fd;
    char *path, *temporary;
    int64_t offset_bytes;
    char *buffer;
    size_t buffered_bytes;
};
MUST_CHECK err file_writer_open(struct file_writer *w, const char *path);
MUST_CHECK err file_writer_write(struct file_writer *w, const void *data, size_t n);
MUST_CHECK err file_writer_commit(struct file_writer *w);
void file_writer_abort(struct file_writer *w); /* also safe after commit or a failed open */

/* Appends one record to a log file (O_APPEND, one write call). */
MUST_CHECK err file_append(const char *path, const void *data, size_t n);
/* fsyncs what was appended. */
MUST_CHECK err file_flush(const char *path);

/* Read-only memory map; the empty file maps to data NULL, size 0. */
struct file_map {
    const uint8_t *data;
    size_t size_bytes;
};
MUST_CHECK err file_map_open(struct file_map *m, const char *path);
void file_map_close(struct file_map *m);
/* The pages of [data, data + n) may leave memory; they come back from the file when read again. */
void file_map_forget(const struct file_map *m, const void *data, size_t n);

/* Line by line, any length up to max_line_bytes; the line comes without its newline (nor a CR
 * before it, nor the byte order mark that some editors begin a file with), valid until the next
 * call. `line_number` counts from 1. */
struct line_reader {
    void *stream;
    char *path, *line;
    size_t len, capacity, max_line_bytes;
    int64_t line_number;
};
MUST_CHECK err line_reader_open(struct line_reader *r, const char *path, size_t max_line_bytes);
MUST_CHECK err line_reader_next(struct line_reader *r, bool *out_more);
void line_reader_close(struct line_reader *r);

/* Folders. */
MUST_CHECK err dir_make(const char *path); /* with parents; existing is fine */
/* A new folder of its own below TMPDIR; its path is appended. Whoever asks removes it. */
MUST_CHECK err dir_make_temporary(struct str *out_path);
/* Fails, before anything is written, where the folder's disk has less room than `bytes`. */
MUST_CHECK err dir_need_room(const char *path, int64_t bytes);
struct name_list {
    char **names;
    size_t n;
};
/* Names in a folder (no "." or ".."), sorted bytewise. */
MUST_CHECK err dir_list(const char *path, struct name_list *out);
/* Relative paths of all regular files below a folder, sorted bytewise, '/' between parts. */
MUST_CHECK err dir_walk(const char *path, struct name_list *out);
/* Copies the name to the end of the list; a zeroed list is empty. */
MUST_CHECK err name_list_add(struct name_list *list, const char *name);
void name_list_sort(struct name_list *list); /* bytewise */
/* Of a sorted list. */
bool name_list_has(const struct name_list *list, const char *name);
void name_list_release(struct name_list *list);
MUST_CHECK err dir_remove(const char *path); /* with everything below; absent is fine */
/* Removes what a failure left of a folder. Returns `why`; message and hint stay those of `why`. */
err dir_give_up(err why, const char *path);
/* fsyncs every file of `temporary`, replaces `path` by it with renames, fsyncs the parent. */
MUST_CHECK err dir_commit(const char *temporary, const char *path);

/* "a/b" from "a" and "b" (mem_alloc; the caller frees), `name` itself when absolute. NULL: out of
 * memory, recorded. */
char *path_join(const char *dir, const char *name) __attribute__((malloc, warn_unused_result));
char *path_dir(const char *path) __attribute__((malloc, warn_unused_result));
const char *path_base(const char *path); /* a pointer into path */

#endif
