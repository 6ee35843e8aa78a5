/* SPDX-License-Identifier: Apache-2.0
 * The data card (release/data_card.h): a table a question. What stands in a manifest may be a
 * stranger's, so a member that is missing is an empty cell and texts are escaped.
 * Read next: release/ledger.c, eval/markdown.h. */
#include "release/data_card.h"
#include "eval/markdown.h"
#include "release/ledger.h"
#include "release/pack.h"
#include <string.h>

enum { SHOWN_DIGITS = 16 };

static const json_t *member(const json_t *object, const char *key) {
    return json_object_get(object, key);
}

static err cell(struct str *out, const char *text) {
    TRY(str_add(out, "| "));
    TRY(markdown_text(out, text));
    return str_add(out, " ");
}

static err number(struct str *out, const json_t *from, const char *key) {
    return str_printf(out, "| %lld ", (long long)json_int_of(from, key));
}

/* "apache-2.0 (24), mit (3)" of an object of counts. */
static err counts(struct str *out, const json_t *of, const char *none) {
    const char *key = NULL, *between = "";
    json_t *n = NULL;
    TRY(str_add(out, "| "));
    if (json_object_size(of) == 0) TRY(str_add(out, none));
    json_object_foreach((json_t *)of, key, n) {
        TRY(str_add(out, between));
        TRY(markdown_text(out, key));
        TRY(str_printf(out, " (%lld)", (long long)json_integer_value(n)));
        between = ", ";
    }
    return str_add(out, " ");
}

static err add_groups(const struct data_card *c, struct str *out) {
    const json_t *groups = member(c->dataset, "groups"), *one = NULL;
    size_t i = 0;
    TRY(str_add(out,
                "\n## 数据组 / Groups\n\n| 组 / group | 场景 / scenario | 角色 / role | 权重 / "
                "weight | 训练行 / rows | 词元 / tokens | 答案词元 / of answers | 验证行 / "
                "validation | 留出 / held out |\n|---|---|---|---:|---:|---:|---:|---:|---:|\n"));
    json_array_foreach(groups, i, one) {
        const json_t *train = member(one, "train"), *valid = member(one, "valid");
        TRY(cell(out, json_text_of(one, "name")));
        TRY(cell(out, json_text_of(one, "scenario")));
        TRY(cell(out, json_text_of(one, "role")));
        TRY(str_printf(out, "| %.4g ", json_number_value(member(one, "weight"))));
        TRY(number(out, train, "rows"));
        TRY(number(out, train, "tokens"));
        TRY(number(out, train, "answer_tokens"));
        TRY(number(out, valid, "rows"));
        TRY(number(out, one, "cases"));
        TRY(str_add(out, "|\n"));
    }
    return ERR_OK;
}

/* The ledger's sources are the dataset's, in the same order. */
static err add_source(const json_t *source, const json_t *counted, struct str *out) {
    TRY(cell(out, json_text_of(source, "name")));
    TRY(cell(out, json_text_of(source, "request")));
    TRY(cell(out, json_text_of(source, "format")));
    TRY(number(out, counted, "rows"));
    TRY(counts(out, member(counted, "licenses"), "-"));
    TRY(counts(out, member(counted, "generators"), "-"));
    TRY(counts(out, member(counted, "reviewers"), "-"));
    return str_printf(out, "| `%.*s` |\n", SHOWN_DIGITS, json_text_of(source, "sha256"));
}

static err add_sources(const struct data_card *c, struct str *out) {
    const json_t *sources = member(c->dataset, "sources"), *one = NULL;
    const json_t *counted = member(c->ledger, "sources");
    size_t i = 0;
    TRY(str_add(out,
                "\n## 来源与许可 / Sources and licences\n\n| 来源 / source | 需求 / request | "
                "格式 / format | 行 / rows | 许可 / licence | 生成者 / generator | 审阅 / reviewed "
                "by | SHA-256 |\n|---|---|---|---:|---|---|---|---|\n"));
    if (json_array_size(sources) != json_array_size(counted))
        return fail(ERR_PARSE, "the ledger's sources are not the dataset's");
    json_array_foreach(sources, i, one) TRY(add_source(one, json_array_get(counted, i), out));
    TRY(str_add(out, "\n每一行都注明了许可：行自己的，否则是来源的。`" LEDGER_POSTED
                     "` 是需求原文中的示例，`" LEDGER_UNKNOWN "` 表示无人知晓。\n\n"
                     "Every row says its licence: its own, else its source's. `" LEDGER_POSTED
                     "` are the examples in the words of the request, `" LEDGER_UNKNOWN
                     "` means that nobody knows.\n"));
    return ERR_OK;
}

static err add_generators(const struct data_card *c, struct str *out) {
    const json_t *list = member(c->ledger, "generators"), *one = NULL;
    size_t i = 0;
    TRY(str_add(out, "\n## 生成 / Generated rows\n\n"));
    if (json_array_size(list) == 0)
        return str_add(out, "没有生成的行。No row was made by a model.\n");
    TRY(str_add(out,
                "| 生成者 / generator | 模型 / model | 行 / rows | 其行的许可 / terms of its rows "
                "|\n|---|---|---:|---|\n"));
    json_array_foreach(list, i, one) {
        TRY(cell(out, json_text_of(one, "generator")));
        TRY(cell(out, json_text_of(one, "model")));
        TRY(number(out, one, "rows"));
        TRY(counts(out, member(one, "licenses"), "-"));
        TRY(str_add(out, "|\n"));
    }
    return ERR_OK;
}

static err add_filters(const struct data_card *c, struct str *out) {
    const json_t *list = member(c->dataset, "filters"), *one = NULL;
    size_t i = 0;
    TRY(str_add(out, "\n## 过滤 / Filters\n\n"));
    if (json_array_size(list) == 0) return str_add(out, "没有使用过滤器。No filter ran.\n");
    TRY(str_add(
        out, "| 过滤器 / filter | 看过 / seen | 丢弃 / dropped | 改动 / changed | 标注 / noted | "
             "放过 / spared |\n|---|---:|---:|---:|---:|---:|\n"));
    json_array_foreach(list, i, one) {
        static const char *const columns[] = {"seen", "dropped", "changed", "noted", "spared"};
        TRY(cell(out, json_text_of(one, "name")));
        for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++)
            TRY(number(out, one, columns[k]));
        TRY(str_add(out, "|\n"));
    }
    return ERR_OK;
}

static err add_lints(const struct data_card *c, struct str *out) {
    const json_t *list = member(c->ledger, "lints"), *one = NULL;
    size_t i = 0;
    TRY(str_add(out,
                "\n## 检查 / What the lints found\n\n| 检查 / lint | 行 / rows | 找什么 / what it "
                "looks for |\n|---|---:|---|\n"));
    json_array_foreach(list, i, one) {
        TRY(cell(out, json_text_of(one, "name")));
        TRY(number(out, one, "rows"));
        TRY(cell(out, json_text_of(one, "summary")));
        TRY(str_add(out, "|\n"));
    }
    return ERR_OK;
}

static err add_mix(const struct data_card *c, struct str *out) {
    double share = json_number_value(member(member(c->dataset, "mix"), "replay_share"));
    TRY(str_add(out, "\n## 回放 / Replay\n\n"));
    if (share <= 0.0)
        return str_add(out,
                       "没有混入通用数据。No general data was trained beside the requests'.\n");
    return str_printf(
        out,
        "每轮训练的词元中，通用数据占 %.4g %%。General data has %.4g %% of the trained "
        "tokens of every epoch.\n",
        100.0 * share, 100.0 * share);
}

static err add_held_out(const struct data_card *c, struct str *out) {
    TRY(str_add(out, "\n## 留出 / Held out\n\n"));
    if (json_is_true(member(c->dataset, "sealed")))
        return str_add(
            out, "留出的用例不参与训练并且密封：只公布哈希，不公布内容。\n\nHeld-out cases are "
                 "trained on by nothing and sealed: their hash is published, their texts are "
                 "not.\n");
    return str_add(out,
                   "留出的用例不参与训练，连同答案见评测报告。\n\nHeld-out cases are trained on by "
                   "nothing; they stand, with the answers, in the evaluation reports.\n");
}

static err add_rows(const struct data_card *c, struct str *out) {
    const json_t *splits = member(c->dataset, "splits");
    const json_t *train = json_array_get(splits, 0), *valid = json_array_get(splits, 1);
    const long long n[] = {json_int_of(train, "rows"), json_int_of(train, "tokens"),
                           json_int_of(train, "answer_tokens"), json_int_of(valid, "rows")};
    TRY(str_printf(out,
                   "训练 %lld 行，%lld 个词元，其中 %lld 个属于答案；另有 %lld 行用于验证。\n\n"
                   "%lld rows to train, of %lld tokens, %lld of them in answers; %lld rows more to "
                   "validate.\n\n",
                   n[0], n[1], n[2], n[3], n[0], n[1], n[2], n[3]));
    return str_add(out, "行的许可与来源的逐项统计见 `" LEDGER_FILE "`，数据集清单见 `" PACK_DATA
                        "`。\n\nThe counts by licence and source are in `" LEDGER_FILE
                        "`, the dataset's manifest is `" PACK_DATA "`.\n");
}

err data_card_write(const struct data_card *c, struct str *out) {
    TRY(str_add(out, "# 数据说明 / Data of "));
    TRY(markdown_text(out, json_text_of(member(c->manifest, "about"), "name")));
    TRY(str_add(out, "\n\n"));
    TRY(add_rows(c, out));
    TRY(add_groups(c, out));
    TRY(add_sources(c, out));
    TRY(add_generators(c, out));
    TRY(add_filters(c, out));
    TRY(add_lints(c, out));
    TRY(add_mix(c, out));
    return add_held_out(c, out);
}
