/* SPDX-License-Identifier: Apache-2.0
 * CHANGELOG.md (release/previous.h): requests served, scores better and worse, data, sizes, in
 * Chinese and English. A change of its words raises CARD_VERSION.
 * Read next: release/card_words.h. */
#include "eval/markdown.h"
#include "release/card_words.h"
#include "release/previous.h"
#include <string.h>

static const json_t *member(const json_t *object, const char *key) {
    return json_object_get(object, key);
}

static bool has_id(const json_t *list, const char *key, const char *id) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *text = key != NULL ? json_text_of(one, key) : json_string_value(one);
        if (text != NULL && strcmp(text, id) == 0) return true;
    }
    return false;
}

static err add_served(const struct changelog *c, bool before, struct str *out) {
    const json_t *row = NULL, *was = member(c->previous, "requests");
    size_t i = 0;
    json_array_foreach(member(c->manifest, "requests"), i, row) {
        const char *id = json_text_of(row, "id");
        if (has_id(was, NULL, id) != before) continue;
        TRY(str_printf(out, "- %s `%s` ", before ? "再次 / again" : "新增 / new", id));
        TRY(markdown_text(out, json_text_of(row, "scenario")));
        TRY(str_add(out, "\n"));
    }
    return ERR_OK;
}

static err add_requests(const struct changelog *c, struct str *out) {
    const json_t *is = member(c->manifest, "requests"), *id = NULL;
    size_t i = 0;
    TRY(card_heading(out, "需求", "Requests served"));
    TRY(add_served(c, false, out));
    TRY(add_served(c, true, out));
    json_array_foreach(member(c->previous, "requests"), i, id) {
        if (has_id(is, "id", json_string_value(id))) continue;
        TRY(str_printf(out, "- 本月未训练 / not trained this month `%s`\n", json_string_value(id)));
    }
    return ERR_OK;
}

static err add_pairs(const json_t *paired, struct str *out) {
    if (!json_is_object(paired)) return str_add(out, "| – | – | – |\n");
    return str_printf(out, "| %lld | %lld | %.3g |\n", (long long)json_int_of(paired, "wins"),
                      (long long)json_int_of(paired, "losses"),
                      json_number_value(member(paired, "p_value")));
}

static err add_scores(const struct changelog *c, struct str *out) {
    const json_t *tasks = member(c->previous, "tasks"), *one = NULL;
    size_t i = 0;
    TRY(card_heading(out, "评测", "Scores"));
    if (json_array_size(tasks) == 0)
        return card_words(out, "两次发布没有共同的评测。",
                          "No task was measured in both releases.");
    TRY(str_add(
        out, "| 任务 / task | 分数 / score | 上次 / previous | 本次 / this | 变化 / change | 得 / "
             "won | 失 / lost | p |\n|---|---|---:|---:|---:|---:|---:|---:|\n"));
    json_array_foreach(tasks, i, one) {
        double was = json_number_value(member(one, "was"));
        double is = json_number_value(member(one, "is"));
        TRY(str_add(out, "| "));
        TRY(markdown_text(out, json_text_of(one, "task")));
        TRY(str_add(out, " | "));
        TRY(markdown_text(out, json_text_of(one, "score")));
        TRY(str_printf(out, " | %.4f | %.4f | %+.4f ", was, is, is - was));
        TRY(add_pairs(member(one, "paired"), out));
    }
    TRY(str_add(out, "\n"));
    return card_words(out, "题目相同的任务逐题配对（McNemar 检验）；题目不同的只比较分数。",
                      "Where both months asked the same items they are paired (McNemar's test); "
                      "where not, the scores alone stand side by side.");
}

static err add_count(struct str *out, const char *name, int64_t was, int64_t is) {
    return str_printf(out, "| %s | %lld | %lld | %+lld |\n", name, (long long)was, (long long)is,
                      (long long)(is - was));
}

static err add_sizes(const struct changelog *c, struct str *out) {
    const json_t *train = json_array_get(member(c->dataset, "splits"), 0);
    const json_t *bytes = member(c->previous, "bytes");
    TRY(card_heading(out, "数据与大小", "Data and sizes"));
    TRY(str_add(out,
                "| | 上次 / previous | 本次 / this | 变化 / change |\n|---|---:|---:|---:|\n"));
    TRY(add_count(out, "训练行 / rows", json_int_of(c->previous, "rows"),
                  json_int_of(train, "rows")));
    TRY(add_count(out, "词元 / tokens", json_int_of(c->previous, "tokens"),
                  json_int_of(train, "tokens")));
    TRY(add_count(out, "答案词元 / of answers", json_int_of(c->previous, "answer_tokens"),
                  json_int_of(train, "answer_tokens")));
    return add_count(out, "权重字节 / bytes of weights", json_int_of(bytes, "was"),
                     json_int_of(bytes, "is"));
}

err changelog_write(const struct changelog *c, struct str *out) {
    const char *was = json_text_of(c->previous, "name");
    const char *month = json_text_of(c->previous, "month");
    TRY(str_add(out, "# 变更 / Changes of "));
    TRY(markdown_text(out, json_text_of(member(c->manifest, "about"), "name")));
    TRY(str_add(out, "\n\n相对于 / Since "));
    TRY(markdown_text(out, was));
    if (month[0] != '\0') TRY(str_printf(out, " (%s)", month));
    TRY(str_printf(out, ", `%s`\n", json_text_of(c->previous, "hash")));
    TRY(add_requests(c, out));
    TRY(add_scores(c, out));
    return add_sizes(c, out);
}
