/* SPDX-License-Identifier: Apache-2.0
 * Padding hidden at a row's start has a gradient of its own: its rows get the mean of all values of
 * the row, and the filter of the next layer reads them. Held against differences of the loss along
 * each parameter's gradient. The forward numbers are golden (tests/golden/test_model.c). */
#include "tests/unit/model/small.h"
#include <math.h>

/* Loss of a left-padded row, summed in double from single precision logits. */
static double padded_loss(struct small *s, struct batch *b, double scale) {
    struct model_call call = {.batch = b};
    double sum;
    int64_t trained;
    assert_ok(model_forward(&s->model, &call));
    assert_ok(model_loss(&s->model, &call, scale, &sum, &trained, NULL));
    return sum;
}
static void gradient_of_left_padding(void **state) {
    (void)state;
    struct small s;
    struct batch b;
    int32_t ids[12];
    uint8_t seen[12];
    const char *folder = test_folder();
    small_open(&s, small_model(folder, NULL, DTYPE_F32), 12, true);
    assert_ok(batch_init(&b, 12));
    small_document(3, 12, ids);
    for (int i = 0; i < 12; i++) seen[i] = i >= 4;
    assert_ok(batch_add_row(&b, 12, ids, ids, NULL, SMALL_EOD, ISOLATE_NONE));
    assert_ok(batch_hide(&b, 12, seen));
    for (int i = 0; i < 4; i++) b.targets[i] = TARGET_IGNORE;
    assert_ok(model_zero_gradients(&s.model));
    padded_loss(&s, &b, 1);
    assert_ok(model_backward(&s.model, &(struct model_call){.batch = &b}));
    assert_ok(model_finish_gradients(&s.model));
    double worst = 0;
    for (int64_t i = 0; i < s.model.n_params; i++) { /* along each parameter's own gradient */
        const struct param *p = &s.model.params[i];
        double norm = 0, h = 2e-3;
        for (int64_t k = 0; k < p->count; k++)
            norm += (double)p->gradient[k] * (double)p->gradient[k];
        norm = sqrt(norm);
        if (norm < 0.05) continue;
        float *old = mem_alloc((size_t)p->count, sizeof *old);
        double loss[2];
        assert_non_null(old);
        memcpy(old, p->value, (size_t)p->count * sizeof *old);
        for (int side = 0; side < 2; side++) {
            for (int64_t k = 0; k < p->count; k++)
                p->value[k] =
                    (float)((double)old[k] + (side ? -h : h) * (double)p->gradient[k] / norm);
            loss[side] = padded_loss(&s, &b, 0);
        }
        memcpy(p->value, old, (size_t)p->count * sizeof *old);
        mem_free(old);
        double e = fabs((loss[0] - loss[1]) / (2 * h) / norm - 1);
        if (e > worst) worst = e;
    }
    print_message("differences against the gradient's norm: %.3g\n", worst);
    assert_true(worst > 0 && worst < 5e-3); /* losses near 40 in fp32: 4e-6 / 2e-3, h^2 beside it */
    batch_release(&b);
    small_close(&s);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradient_of_left_padding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
