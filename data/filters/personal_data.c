/* SPDX-License-Identifier: Apache-2.0
 * Filter `personal_data`: what data/sensitive.h finds is masked, or the sample is dropped; a secret
 * always costs the sample, or stops the build. Words of a licence are noted and nothing else. A
 * mask says what stood there, in Chinese where the text is Chinese, so that the sentence stays one.
 * In a request's own example it is an error: whoever wrote the recipe must take it out, since
 * recipes are published. */
#include "base/mem.h"
#include "data/filters/filter.h"
#include "data/sensitive.h"
#include "data/text/script.h"
#include <string.h>

enum { N_CLASSES = SENSITIVE_LICENCE + 1 };
struct finds {
    int64_t n[N_CLASSES];
};

static const struct {
    const char *row, *zh, *en;
} masks[] = {
    {"email", "[邮箱]", "[email]"},
    {"mobile", "[电话]", "[phone]"},
    {"landline", "[电话]", "[phone]"},
    {"resident_id", "[身份证号]", "[identity number]"},
    {"bank_card", "[银行卡号]", "[card number]"},
    {"passport", "[护照号]", "[passport number]"},
    {"plate", "[车牌号]", "[licence plate]"},
    {"ipv4", "[IP地址]", "[IP address]"},
    {"ipv6", "[IP地址]", "[IP address]"},
    {"wechat", "[微信号]", "[WeChat account]"},
    {"qq", "[QQ号]", "[QQ account]"},
};

static const char *mask_of(const char *row, bool chinese) {
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        if (strcmp(masks[i].row, row) == 0) return chinese ? masks[i].zh : masks[i].en;
    return chinese ? "[个人信息]" : "[personal data]";
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct arena arena = {0};
    struct sensitive_list list = {0};
    struct str text = {0};
    struct finds *finds = NULL;
    (void)ctx;
    err e = sample_text(filter_sample(p, number), &text);
    if (e == ERR_OK) e = sensitive_find(str_text(&text), text.len, &arena, &list);
    if (e == ERR_OK && list.n > 0) {
        out->found = finds = mem_zalloc(1, sizeof *finds);
        if (!finds) e = ERR_MEMORY;
    }
    for (int64_t i = 0; finds && i < list.n; i++) finds->n[list.items[i].row->what]++;
    arena_release(&arena);
    str_release(&text);
    return e;
}

/* "email li****@qq.com, mobile 138****12" of one class, at most three. */
static err tell(const struct sample *s, enum sensitive_class what, struct str *out) {
    struct arena arena = {0};
    struct sensitive_list list = {0};
    struct str text = {0};
    int64_t n = 0;
    err e = sample_text(s, &text);
    if (e == ERR_OK) e = sensitive_find(str_text(&text), text.len, &arena, &list);
    for (int64_t i = 0; i < list.n && e == ERR_OK; i++) {
        if (list.items[i].row->what != what || n++ >= 3) continue;
        e = str_printf(out, "%s%s %s", n > 1 ? ", " : "", list.items[i].row->name,
                       list.items[i].shown);
    }
    if (e == ERR_OK && n > 3) e = str_printf(out, " and %lld more", (long long)(n - 3));
    arena_release(&arena);
    str_release(&text);
    return e;
}

static err put_masks(void *ctx, struct span text, struct str *out) {
    struct arena arena = {0};
    struct sensitive_list list = {0};
    struct script_counts counts = {{0}};
    size_t at = 0;
    (void)ctx;
    script_count(text.text, text.n, &counts);
    bool chinese = script_share(&counts, SCRIPT_CHINESE) > 0.3;
    err e = sensitive_find(text.text, text.n, &arena, &list);
    for (int64_t i = 0; i < list.n && e == ERR_OK; i++) {
        const struct sensitive_find *find = &list.items[i];
        if (find->row->what != SENSITIVE_PERSONAL) continue;
        e = str_append(out, text.text + at, (size_t)find->begin - at);
        if (e == ERR_OK) e = str_add(out, mask_of(find->row->name, chinese));
        at = (size_t)find->end;
    }
    if (e == ERR_OK) e = str_append(out, text.text + at, text.n - at);
    arena_release(&arena);
    return e;
}

static bool is(const char *option, const char *word) {
    return option && strcmp(option, word) == 0;
}

/* Secrets first: a sample that has one is not worth masking. */
static err act(struct filter_pass *p, int64_t number, const struct finds *finds,
               const struct str *told) {
    const struct filter_options *o = filter_options(p);
    bool secret = finds->n[SENSITIVE_SECRET] > 0;
    const struct filter_drop why = {.reason = str_text(told), .related = -1};
    if (filter_is_example(p, number) || (secret && is(o->secrets, "error"))) {
        err e = fail(ERR_PARSE, "%s: %s", secret ? "a secret" : "personal data", str_text(told));
        return fail_hint(e, "take it out of the %s",
                         filter_is_example(p, number) ? "recipe" : "source");
    }
    if (secret || is(o->personal, "drop") || !filter_can_edit(filter_sample(p, number)))
        return filter_drop(p, number, &why);
    struct str what = {0};
    err e = str_printf(&what, "masked %lld: %s", (long long)finds->n[SENSITIVE_PERSONAL],
                       str_text(told));
    if (e == ERR_OK) e = filter_edit(p, number, put_masks, NULL, str_text(&what));
    str_release(&what);
    return e;
}

static err settle(void *ctx, struct filter_pass *p, int64_t number, void *found) {
    const struct finds *finds = found;
    struct str told = {0};
    (void)ctx;
    if (!finds) return ERR_OK;
    enum sensitive_class what = finds->n[SENSITIVE_SECRET] > 0     ? SENSITIVE_SECRET
                                : finds->n[SENSITIVE_PERSONAL] > 0 ? SENSITIVE_PERSONAL
                                                                   : SENSITIVE_LICENCE;
    err e = tell(filter_sample(p, number), what, &told);
    if (e == ERR_OK)
        e = what == SENSITIVE_LICENCE ? filter_note(p, number, str_text(&told))
                                      : act(p, number, finds, &told);
    str_release(&told);
    return e;
}

static err run(struct filter_pass *p) {
    return filter_each(p, look, settle, NULL);
}

const struct filter filter_personal_data = {
    .name = "personal_data",
    .summary = "personal data masked or dropped, secrets dropped; words of licences noted",
    .run = run,
};
