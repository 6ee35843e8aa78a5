/* SPDX-License-Identifier: Apache-2.0
 * Keeping what was collected, and new records out of it. All files are written before the one
 * commit; a run that is killed in between finds them there and goes on.
 * Read next: issues/pull.h, the contract. */
#include "issues/pull.h"

#include "base/file.h"
#include <stdlib.h>
#include <string.h>

static err collection_path(const char *month, const char *name, struct arena *a, const char **out) {
    *out = arena_printf(a, PROGRAM_COLLECTIONS "/%s/%s", month, name);
    return *out ? ERR_OK : ERR_MEMORY;
}

/* The JSON of a file of the program; NULL where there is none. */
static err read_json(const struct program *p, const char *path, json_t **out) {
    struct str text = {0};
    bool found;
    *out = NULL;
    err e = program_read(p, path, &text, &found);
    if (e == ERR_OK && found) e = json_parse(str_text(&text), text.len, path, out);
    str_release(&text);
    return e;
}

static err write_json(const struct program *p, const char *path, const json_t *value) {
    struct str text = {0};
    err e = json_text(value, JSON_TEXT_PRETTY | JSON_TEXT_SORTED, &text);
    if (e == ERR_OK) e = program_write(p, path, &text);
    str_release(&text);
    return e;
}

void program_reading_context(const struct program *p, struct reading_context *out) {
    *out = (struct reading_context){.maintainers = p->options.maintainers,
                                    .repository = p->options.repository,
                                    .issue = p->options.issue};
}

err pull_done(const struct program *p, const char *month, bool *out) {
    struct arena a = {0};
    const char *path;
    err e = collection_path(month, "posts.json", &a, &path);
    if (e == ERR_OK) e = program_committed(p, path, out);
    arena_release(&a);
    return e;
}

/* ---- what was collected ---- */

/* The posts of a list by id, for finding; in the arena. */
struct by_id {
    const struct post **items;
    int64_t n;
};

struct pulling {
    struct program *program;
    const char *month;
    json_t *collection;
    struct arena *arena;
    struct pull_result *result;
    struct post_list kept, fresh; /* as first collected; as collected now */
    struct by_id kept_by_id, fresh_by_id;
    struct name_list committed; /* request files of the month */
    struct program_step step;   /* the commit */
};

static int compare_ids(const void *a, const void *b) {
    return strcmp((*(const struct post *const *)a)->id, (*(const struct post *const *)b)->id);
}

static err sort_by_id(const struct post_list *list, struct arena *a, struct by_id *out) {
    out->n = list->n;
    out->items = arena_alloc(a, (size_t)list->n + 1, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < list->n; i++) out->items[i] = &list->items[i];
    qsort(out->items, (size_t)out->n, sizeof *out->items, compare_ids);
    return ERR_OK;
}

static const struct post *find_post(const struct by_id *posts, const char *id) {
    const struct post key = {.id = id}, *at = &key;
    const struct post **found =
        bsearch(&at, posts->items, (size_t)posts->n, sizeof at, compare_ids);
    return found ? *found : NULL;
}

static err posts_of(json_t *collection, const char *where, struct post_list *out) {
    *out = (struct post_list){0};
    json_t *issue = json_object_get(collection, "issue");
    if (json_is_object(issue)) TRY(posts_add(out, issue, where));
    TRY(posts_add(out, json_object_get(collection, "items"), where));
    posts_finish(out);
    return ERR_OK;
}

/* Posts of the month that were not there at the first collection join it. */
static err join_posts(struct pulling *s, json_t *kept) {
    json_t *posts = json_object_get(kept, "items");
    for (int64_t i = 0; i < s->fresh.n; i++) {
        const struct post *post = &s->fresh.items[i];
        if (find_post(&s->kept_by_id, post->id)) continue;
        TRY(json_push(posts, json_incref((json_t *)post->json)));
    }
    return ERR_OK;
}

static err edited_posts(const struct pulling *s, json_t *out) {
    json_t *posts = json_array();
    TRY(json_put(out, "items", posts));
    for (int64_t i = 0; i < s->fresh.n; i++) {
        const struct post *now = &s->fresh.items[i], *then = find_post(&s->kept_by_id, now->id);
        if (then && strcmp(now->body, then->body) != 0)
            TRY(json_push(posts, json_incref((json_t *)now->json)));
    }
    return ERR_OK;
}

static err keep_edited(struct pulling *s) {
    const char *path;
    json_t *edited = json_object();
    TRY(collection_path(s->month, "edited.json", s->arena, &path));
    err e = edited ? edited_posts(s, edited) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK && json_array_size(json_object_get(edited, "items")) > 0) {
        e = write_json(s->program, path, edited);
        if (e == ERR_OK) e = program_step_add(&s->step, s->arena, path);
    }
    json_decref(edited);
    return e;
}

/* posts.json as it lies there, joined by what is new; or the whole collection. Leaves in s->kept
 * what holds from now on. */
static err keep_collection(struct pulling *s) {
    const char *path;
    json_t *kept;
    TRY(collection_path(s->month, "posts.json", s->arena, &path));
    TRY(read_json(s->program, path, &kept));
    err e = ERR_OK;
    if (kept) {
        e = posts_of(kept, path, &s->kept);
        if (e == ERR_OK) e = sort_by_id(&s->kept, s->arena, &s->kept_by_id);
        if (e == ERR_OK) e = keep_edited(s);
        if (e == ERR_OK) e = join_posts(s, kept);
        post_list_release(&s->kept);
    } else {
        kept = json_incref(s->collection);
    }
    if (e == ERR_OK) e = write_json(s->program, path, kept);
    if (e == ERR_OK) e = program_step_add(&s->step, s->arena, path);
    if (e == ERR_OK) e = posts_of(kept, path, &s->kept);
    json_decref(s->collection); /* its numbers of reports are those that were kept */
    s->collection = kept;
    return e;
}

/* ---- records ---- */

/* The result's texts outlive the posts. */
static err add_edited(struct pulling *s, const struct post *post) {
    const struct post *now = find_post(&s->fresh_by_id, post->id);
    if (!now || strcmp(now->body, post->body) == 0) return ERR_OK;
    const char *id = arena_strdup(s->arena, post->id);
    return id ? opt_list_add(&s->result->edited, s->arena, id) : ERR_MEMORY;
}

/* A record that is committed is people's; one that only lies there a killed run has left. */
static err keep_record(struct pulling *s, const struct post *post, const struct reading *reading) {
    struct record record;
    json_t *reports = json_object_get(s->collection, "problem_reports");
    TRY(record_of_reading(post, reading, s->month, s->arena, &record));
    if (post->login)
        record.problem_reports = json_integer_value(json_object_get(reports, post->login));
    s->result->n_requests++;
    if (name_list_has(&s->committed, path_base(record.path))) return add_edited(s, post);
    s->result->n_new++;
    TRY(program_step_add(&s->step, s->arena, record.path));
    return record_write(s->program, &record);
}

static err keep_records(struct pulling *s) {
    struct reading_context context;
    const char *folder = arena_printf(s->arena, PROGRAM_REQUESTS "/%s", s->month);
    if (!folder) return ERR_MEMORY;
    TRY(git_repo_list(s->program->repo, folder, &s->committed));
    program_reading_context(s->program, &context);
    for (int64_t i = 0; i < s->kept.n; i++) {
        const struct post *post = &s->kept.items[i];
        char month[MONTH_SIZE];
        TRY(schedule_plan_month(&s->program->schedule, post->created_s, month));
        if (strcmp(month, s->month) != 0) continue; /* the collecting issue's own body */
        s->result->n_posts++;
        struct reading_list readings;
        TRY(post_read(post, &context, s->arena, &readings));
        for (int64_t k = 0; k < readings.n; k++)
            if (readings.items[k].is_request) TRY(keep_record(s, post, &readings.items[k]));
    }
    return ERR_OK;
}

static err commit(struct pulling *s) {
    char on[DAY_SIZE];
    s->step.message =
        arena_printf(s->arena, "requests: %lld collected for %s (%lld posts)",
                     (long long)s->result->n_requests, s->month, (long long)s->result->n_posts);
    if (!s->step.message) return ERR_MEMORY;
    TRY(schedule_collect_day(&s->program->schedule, s->month, on));
    s->step.on = on;
    return program_commit(s->program, &s->step);
}

err pull_apply(struct program *p, const char *month, json_t *collection, struct arena *a,
               struct pull_result *out) {
    struct pulling s = {.program = p,
                        .month = month,
                        .collection = json_incref(collection),
                        .arena = a,
                        .result = out};
    *out = (struct pull_result){0};
    err e = posts_of(collection, "collection", &s.fresh);
    if (e == ERR_OK) e = sort_by_id(&s.fresh, a, &s.fresh_by_id);
    if (e == ERR_OK) e = keep_collection(&s);
    if (e == ERR_OK) e = keep_records(&s);
    if (e == ERR_OK) e = commit(&s);
    name_list_release(&s.committed);
    post_list_release(&s.kept);
    post_list_release(&s.fresh);
    json_decref(s.collection);
    return e == ERR_OK ? e : fail_in(e, "collection of %s", month);
}

static err read_edits(struct pull_edits *edits, const char *month) {
    struct arena a = {0};
    const char *path;
    json_t *edited = NULL;
    post_list_release(&edits->posts);
    memcpy(edits->month, month, MONTH_SIZE);
    err e = collection_path(month, "edited.json", &a, &path);
    if (e == ERR_OK) e = read_json(edits->program, path, &edited);
    if (e == ERR_OK && edited) e = posts_of(edited, path, &edits->posts);
    json_decref(edited);
    arena_release(&a);
    return e;
}

err pull_edits_find(struct pull_edits *edits, const struct record *r, const struct post **out) {
    *out = NULL;
    if (strcmp(edits->month, r->month) != 0) TRY(read_edits(edits, r->month));
    size_t n = strcspn(strrchr(r->id, '#'), ".") + (size_t)(strrchr(r->id, '#') - r->id);
    for (int64_t i = 0; i < edits->posts.n; i++) { /* the second request of a post is in it, too */
        const struct post *post = &edits->posts.items[i];
        if (strncmp(post->id, r->id, n) == 0 && !post->id[n]) *out = post;
    }
    return ERR_OK;
}

void pull_edits_release(struct pull_edits *edits) {
    post_list_release(&edits->posts);
}
