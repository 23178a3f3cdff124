/* The built-in digits: a function of the seed and the index alone, and hard enough for a linear model. */
#include "test.h"

#include "data/dataset.h"

enum { PIXELS = 784, CLASSES = 10, TRAIN = 6000, TEST = 2000, EPOCHS = 12 };

static void prefix_of_a_longer_set(void **unused)
{
    tli_dataset few, many, other;
    assert_int_equal(tli_digits_draw(3, 1, 20, &few, NULL), TL_OK);
    assert_int_equal(tli_digits_draw(3, 1, 50, &many, NULL), TL_OK);
    assert_int_equal(tli_digits_draw(4, 1, 20, &other, NULL), TL_OK);
    assert_memory_equal(few.pixels, many.pixels, 20 * PIXELS);
    assert_memory_equal(few.labels, many.labels, 20);
    assert_memory_not_equal(few.pixels, other.pixels, 20 * PIXELS);
    tli_dataset_free(&few), tli_dataset_free(&many);
    assert_int_equal(tli_digits_draw(3, 0, 20, &few, NULL), TL_OK);
    assert_memory_not_equal(few.pixels, other.pixels, 20 * PIXELS);
    tli_dataset_free(&few), tli_dataset_free(&other);
}

static void every_class_is_drawn(void **unused)
{
    tli_dataset set;
    int counts[CLASSES] = {0};
    assert_int_equal(tli_digits_draw(0, 1, 1000, &set, NULL), TL_OK);
    for (int i = 0; i < 1000; i++) counts[set.labels[i]]++;
    for (int c = 0; c < CLASSES; c++) assert_between(counts[c], 60, 140);
    tli_dataset_free(&set);
}

/* Softmax regression by plain stochastic gradient descent. */
static void a_linear_model_stays_below_95_percent(void **unused)
{
    tli_dataset train, test;
    assert_int_equal(tli_digits_draw(0, 1, TRAIN, &train, NULL), TL_OK);
    assert_int_equal(tli_digits_draw(0, 0, TEST, &test, NULL), TL_OK);
    static float w[CLASSES][PIXELS + 1];
    int right = 0;
    for (int epoch = 0; epoch <= EPOCHS; epoch++) {
        const tli_dataset *set = epoch < EPOCHS ? &train : &test;
        const float rate = 0.02f * (1.0f - (float)epoch / EPOCHS);
        for (uint32_t i = 0; i < set->count; i++) {
            const uint8_t *x = set->pixels + (size_t)i * PIXELS;
            float z[CLASSES], sum = 0;
            int best = 0;
            for (int c = 0; c < CLASSES; c++) {
                z[c] = w[c][PIXELS];
                for (int p = 0; p < PIXELS; p++) z[c] += w[c][p] * (float)x[p] / 255.0f;
                if (z[c] > z[best]) best = c;
            }
            if (epoch == EPOCHS) {
                right += best == set->labels[i];
                continue;
            }
            const float top = z[best];
            for (int c = 0; c < CLASSES; c++) sum += z[c] = expf(z[c] - top);
            for (int c = 0; c < CLASSES; c++) {
                const float g = rate * (z[c] / sum - (c == set->labels[i] ? 1.0f : 0.0f));
                for (int p = 0; p < PIXELS; p++) w[c][p] -= g * (float)x[p] / 255.0f;
                w[c][PIXELS] -= g;
            }
        }
    }
    const double accuracy = 100.0 * right / TEST;
    print_message("linear model: %.1f %%\n", accuracy);
    assert_true(accuracy > 50.0);
    assert_true(accuracy < 95.0);
    tli_dataset_free(&train), tli_dataset_free(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_of_a_longer_set),
        cmocka_unit_test(every_class_is_drawn),
        cmocka_unit_test(a_linear_model_stays_below_95_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
