/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as adapter_config.json beside the tensors of a small LoRA: refused with a reason, or
 * the adapter is attached to the model it was made for, and comes off again.
 * Under test: adapters/peft.c and adapter_open. */
#include "adapters/adapter.h"
#include "model/formats/safetensors.h"
#include "model/init.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>

static const char model_json[] =
    "{\"vocab_size\": 8, \"hidden_size\": 4, \"intermediate_size\": 6, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"max_position_embeddings\": 8, \"eod_token\": 1}";

/* A model without a backend: shapes are all that attaching needs. */
static void open_base(struct model *m) {
    char dir[300];
    json_t *json;
    struct model_config config;
    snprintf(dir, sizeof dir, "%s/base", fuzz_folder());
    FUZZ_EXPECT(!json_parse(model_json, sizeof model_json - 1, "config", &json));
    FUZZ_EXPECT(!model_config_parse(&config, json));
    FUZZ_EXPECT(!model_init_write(&config, 1, DTYPE_F32, dir));
    model_config_release(&config);
    json_decref(json);
    FUZZ_EXPECT(!model_open(m, dir, NULL));
}

/* FOLDER/adapter_model.safetensors of rank 2 on every projection. */
static void write_adapter(struct model *m) {
    static const float zeros[64];
    const char *targets[] = {"all"};
    const struct adapter_options options = {
        .type = "lora", .r = 2, .lora_alpha = 4, .target_modules = {targets, 1}};
    struct adapter *a;
    struct tensor tensors[32];
    int64_t n;
    FUZZ_EXPECT(!adapter_new(&a, m, &options, 1));
    const struct param *params = adapter_params(a, &n);
    FUZZ_EXPECT(n <= 32);
    for (int64_t i = 0; i < n; i++) {
        tensors[i] = (struct tensor){.name = params[i].name,
                                     .dtype = DTYPE_F32,
                                     .n_dims = params[i].n_dims,
                                     .count = params[i].count,
                                     .data = zeros};
        memcpy(tensors[i].shape, params[i].shape, sizeof params[i].shape);
        FUZZ_EXPECT(params[i].count <= 64);
    }
    FUZZ_EXPECT(!safetensors_write(fuzz_file("adapter_model.safetensors", "", 0), tensors, n));
    adapter_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct model base;
    if (!base.n_params) {
        open_base(&base);
        write_adapter(&base);
    }
    struct adapter *a = NULL;
    const int64_t begun = fuzz_begin();
    (void)fuzz_file("adapter_config.json", data, size);
    err code = adapter_open(&a, &base, fuzz_folder());
    if (code) {
        fuzz_expect_refused(code);
        FUZZ_EXPECT(!a);
    } else {
        int64_t n;
        FUZZ_EXPECT(adapter_params(a, &n) && n > 0);
        FUZZ_EXPECT(adapter_settings(a)->r > 0);
        adapter_free(a);
    }
    fuzz_end(begun);
    return 0;
}
