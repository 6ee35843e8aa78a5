/* SPDX-License-Identifier: Apache-2.0
 * The card's words (release/card_words.h): each part is a heading and a paragraph in Chinese and in
 * English. A change of any raises CARD_VERSION.
 * Read next: release/card.h, docs/releases.md. */
#include "release/card_words.h"
#include "eval/markdown.h"
#include "release/card.h"
#include "release/data_card.h"
#include "release/gguf.h"
#include "release/golden.h"
#include "release/ledger.h"
#include "release/pack.h"
#include "release/seal.h"
#include <string.h>

err card_heading(struct str *out, const char *zh, const char *en) {
    return str_printf(out, "\n## %s / %s\n\n", zh, en);
}

err card_words(struct str *out, const char *zh, const char *en) {
    return str_printf(out, "%s\n\n%s\n", zh, en);
}

static const json_t *about(const json_t *manifest) {
    return json_object_get(manifest, "about");
}

static err add_formats(const json_t *manifest, struct str *out) {
    json_t *formats = release_formats_measured(manifest), *one = NULL;
    const char *name = NULL;
    if (json_object_size(formats) == 0) return ERR_OK;
    TRY(str_add(out, "\n"));
    TRY(card_words(out, "GGUF 文件只能用于本程序与 IEITYuan 的 llama.cpp 分支，主线没有这种架构：",
                   "The GGUF files are for this program and the IEITYuan fork of llama.cpp only; "
                   "mainline has no such architecture:"));
    TRY(str_add(out, "\n"));
    json_object_foreach(formats, name, one) {
        TRY(str_add(out, "- `"));
        TRY(release_gguf_path(name, manifest, out));
        TRY(str_printf(out, "`: logits %.3g (<= %.3g)\n",
                       json_number_value(json_object_get(one, "measured")),
                       json_number_value(json_object_get(one, "bound"))));
    }
    TRY(str_add(out, "\n"));
    return card_words(out, "数字是其 logits 与合并模型之差的均方根比，括号内是允许的上限。",
                      "The numbers are the rms difference of its logits from the merged model's, "
                      "relative, and the bound that it had to keep.");
}

static err add_loading(const json_t *manifest, struct str *out) {
    const json_t *chain = json_object_get(manifest, "chain");
    TRY(card_heading(out, "使用", "How to load"));
    TRY(str_add(out,
                "```sh\ncotrain chat --model .\n```\n\n```python\n"
                "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
                "tokenizer = AutoTokenizer.from_pretrained(\".\", use_fast=False)\n"
                "model = AutoModelForCausalLM.from_pretrained(\".\", trust_remote_code=True)\n"
                "ids = tokenizer(\"...<sep>\", return_tensors=\"pt\").input_ids\n"
                "print(tokenizer.decode(model.generate(ids, max_new_tokens=256)[0]))\n```\n\n"));
    TRY(card_words(
        out,
        "transformers 需要基座的模型代码（`configuration_yuan.py`、`yuan_hf_model.py`），基座"
        "附带时已原样复制。",
        "transformers needs the base's model code (`configuration_yuan.py`, "
        "`yuan_hf_model.py`), copied unchanged where the base has it."));
    if (json_is_string(json_object_get(chain, "adapter"))) {
        TRY(str_add(out, "\n"));
        TRY(card_words(
            out, "此处的权重已经合并；`" PACK_ADAPTER "/` 是 PEFT 格式的适配器，用于基座模型。",
            "The weights here are merged. `" PACK_ADAPTER
            "/` holds the adapter in PEFT's format, for use on the base model."));
    }
    return add_formats(manifest, out);
}

static err add_prompt_form(struct str *out) {
    TRY(card_heading(out, "提示格式", "Prompt form"));
    return card_words(
        out,
        "提示之后是 `<sep>`，回答以 `<eod>` 结束；多轮之间换行，只在最后一个提示之后加 "
        "`<sep>`。词表行数可"
        "能多于分词器的编号，其余为填充。",
        "A prompt is followed by `<sep>`, and an answer ends with `<eod>`; turns are divided by "
        "line ends, and only the last prompt is followed by `<sep>`. The embedding may have more "
        "rows than the tokenizer has ids; the rest is padding.");
}

static err add_limits(struct str *out) {
    TRY(card_heading(out, "局限", "Limits"));
    return card_words(
        out,
        "只测量了上表中的任务，基座的其他能力可能有变化。模型会出错，回答须经核实；不得用于基座许可"
        "所禁止的"
        "用途。这是社区微调，不是基座作者的产品。",
        "Only the tasks above were measured; other abilities of the base model may have changed. "
        "The model makes mistakes: check what it says. What the base's licence forbids is "
        "forbidden here. This is fine-tuning by its community, no product of the base's authors.");
}

static err add_license(const json_t *manifest, struct str *out) {
    const char *link = card_license_link(about(manifest));
    TRY(card_heading(out, "许可", "Licence"));
    TRY(str_add(out, "`"));
    TRY(str_add(out, json_text_of(about(manifest), "license")));
    TRY(str_add(out, "`"));
    if (link != NULL) TRY(str_printf(out, ": %s", link));
    TRY(str_add(out, "\n\n"));
    return card_words(out,
                      "基座的许可文件（如有）在本文件夹中。训练数据的许可见 `" DATA_CARD_FILE "`。",
                      "Licence files of the base, where it has any, are in this folder. The "
                      "licences of the training data stand in `" DATA_CARD_FILE "`.");
}

static err add_data(struct str *out) {
    TRY(card_heading(out, "数据", "Data"));
    return card_words(out,
                      "来源、许可、生成者、过滤与留出见 `" DATA_CARD_FILE
                      "`，逐项统计见 `" LEDGER_FILE "`。",
                      "Sources, licences, generators, filters and what was held out: "
                      "`" DATA_CARD_FILE "`; the counts: `" LEDGER_FILE "`.");
}

static err add_environment(struct str *out) {
    TRY(card_heading(out, "环境与成本", "Environment and cost"));
    return card_words(
        out,
        "`logs/plan.json` 记有训练所用的机器、程序版本、内存与时间，`" PACK_LOG
        "` 记有每一步；它们因机器而异，不在发布哈希之内。能耗没有测量。",
        "`logs/plan.json` has the machine that trained, the program's version, memory and time, "
        "`" PACK_LOG "` every step. They are of that machine, so they are not in the release hash. "
        "Energy was not measured.");
}

static err add_check(struct str *out) {
    TRY(card_heading(out, "校验与复现", "Check and reproduce"));
    TRY(str_add(out, "```sh\ncotrain release verify .\ncotrain release reproduce . --base DIR "
                     "--work ../again\n```\n\n"));
    return card_words(
        out,
        "`" SEAL_MANIFEST
        "` 列出从需求到这些文件的全部哈希，它自己的 SHA-256 就是发布哈希。`" PACK_RECIPE
        "` 是配方，`" PACK_DATA "` 是数据集清单，`" PACK_BEFORE "` 与 `" PACK_AFTER
        "` 有表格背后的每个提示、期望与回答，`" GOLDEN_FILE
        "` 有提示、词元编号、贪心回答与 logits 摘要，供加载后比较。签名者见 `" SEAL_SUMS_SIGNATURE
        "`、`" SEAL_MODEL_SIGNATURE "` 与 `" SEAL_PROVENANCE
        "`；没有这些文件的发布未经签名。cotrain 的文档 docs/releases.md 与 docs/reproduce.md "
        "说明如何校验"
        "与复现。",
        "`" SEAL_MANIFEST
        "` names every hash from the requests to these files, and its own SHA-256 "
        "is the release hash. `" PACK_RECIPE "` is the recipe, `" PACK_DATA
        "` the dataset's manifest, `" PACK_BEFORE "` and `" PACK_AFTER
        "` hold every prompt, expected and given answer behind the table. `" GOLDEN_FILE
        "` has prompts with token ids, greedy answers and digests of the logits, to compare after "
        "loading. Who signed it stands in `" SEAL_SUMS_SIGNATURE "`, `" SEAL_MODEL_SIGNATURE
        "` and `" SEAL_PROVENANCE "`; a release without these files is unsigned. docs/releases.md "
        "and docs/reproduce.md of cotrain say how to verify it and how to make it again.");
}

err card_use(const json_t *manifest, struct str *out) {
    TRY(add_loading(manifest, out));
    TRY(add_prompt_form(out));
    TRY(add_data(out));
    TRY(add_limits(out));
    TRY(add_license(manifest, out));
    TRY(add_environment(out));
    return add_check(out);
}
