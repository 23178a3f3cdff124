/* What weights are worth that say nothing: from outside. Equal logits are no knowledge, numbers that are not finite no
 * prediction. */
#include <math.h>

#include "program.h"

#include "edit_weights.h"
#include "image_files.h"

#define SMALL "--quiet", "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8", "--steps", "1"

static int setup_runs(void **state)
{
    if (make_folder(state) != 0) return -1;
    RUN(NO_ENV, "train", "mnist", SMALL, "--limit-train", "16", "--batch-size", "16", "--limit-test", "64",
        "--out", at("digits"));
    EXPECT(0, "");
    RUN(NO_ENV, "train", "gpt", SMALL, "--seq-len", "16", "--vocab-size", "50", "--batch-size", "2",
        "--samples-per-epoch", "4", "--limit-test", "4", "--out", at("text"));
    EXPECT(0, "");
    return 0;
}

/* A head of zeros finds class 0 for every digit, and is right where that is true. */
static void zeros_know_nothing(void **state)
{
    edit_weights(at("digits/model.safetensors"), at("half.safetensors"), "mlp_head.weight", -1, 0.0f);
    edit_weights(at("half.safetensors"), at("zeros.safetensors"), "mlp_head.bias", -1, 0.0f);
    RUN(NO_ENV, "eval", at("zeros.safetensors"), "--confusion", at("table.tsv"));
    EXPECT(0, "");
    cJSON *json = last_json();
    const double top1 = number(json, "top1"), top5 = number(json, "top5");
    assert_true(fabs(number(json, "test_loss") - log(10.0)) < 1e-5);
    assert_null(cJSON_GetObjectItem(json, "not_finite"));
    cJSON_Delete(json);
    read_file("table.tsv", seen.out, TEXT);
    char *line = seen.out;
    double first = 0, five = 0, all = 0;
    for (int row = 0; row < 10; row++) {
        line = strchr(line, '\n') + 1;
        char *end = strchr(line, '\t');
        for (int column = 0; column < 10; column++) {
            const double found = strtod(end + 1, &end);
            if (column > 0) assert_true(found == 0);
            all += found;
            if (row == 0) first += found;
            if (row < 5) five += found;
        }
    }
    assert_true(all == 64);
    assert_true(first > 0);
    assert_true(first < 20);
    assert_true(fabs(top1 - 100 * first / all) < 1e-9);
    assert_true(fabs(top5 - 100 * five / all) < 1e-9);
}

static void not_finite(void **state)
{
    const float values[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        edit_weights(at("digits/model.safetensors"), at("wild.safetensors"), "mlp_head.bias", 7, values[i]);
        RUN(NO_ENV, "eval", at("wild.safetensors"));
        FAILS(1, "64 of 64 predictions on the test set static are not finite");
    }
    edit_weights(at("text/model.safetensors"), at("wild-text.safetensors"), "output_head.weight", 33, NAN);
    RUN(NO_ENV, "eval", at("wild-text.safetensors"));
    FAILS(1, "predictions on the test set val are not finite");
    RUN(NO_ENV, "generate", at("wild-text.safetensors"), "--tokens", "2");
    EXPECT(1, "logits are not finite");
    uint8_t pixels[28 * 28] = {0};
    write_png(at("digit.png"), pixels, 28, 28, 8, PNG_COLOR_TYPE_GRAY, 0, 0);
    RUN(NO_ENV, "predict", at("digits"), at("digit.png"));
    EXPECT(0, "");
    RUN(NO_ENV, "predict", at("wild.safetensors"), at("digit.png"));
    FAILS(1, "digit.png is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zeros_know_nothing), cmocka_unit_test(not_finite)};
    return cmocka_run_group_tests(tests, setup_runs, remove_folder);
}
