/* Drawing a token from logits: the largest, the k largest, a share of the probability, in the right shares. */
#include "test.h"

#include "infer/sample.h"

enum { COUNT = 5 };
static const float logits[COUNT] = {0.0f, 2.0f, -INFINITY, 2.0f, 1.0f};

static uint32_t draw(tli_sampling s, double u)
{
    tli_candidate capacity[COUNT];
    uint32_t id = 99;
    tl_error err = {0};
    if (tli_sample(logits, COUNT, &s, u, capacity, &id, &err) != TL_OK) fail_msg("%s", err.text);
    return id;
}
#define draw(...) VALUE_FROM_HERE(draw(__VA_ARGS__))

/* How often each id comes for u spread evenly. */
static void shares(tli_sampling s, double share[COUNT])
{
    enum { DRAWS = 20000 };
    for (int i = 0; i < COUNT; i++) share[i] = 0;
    for (int i = 0; i < DRAWS; i++) share[draw(s, (i + 0.5) / DRAWS)] += 1.0 / DRAWS;
}

static void expect_shares(tli_sampling s, const double weights[COUNT])
{
    double share[COUNT], sum = 0;
    for (int i = 0; i < COUNT; i++) sum += weights[i];
    shares(s, share);
    for (int i = 0; i < COUNT; i++)
        if (!(fabs(share[i] - weights[i] / sum) < 2e-4))
            fail_msg("id %d comes with %g, not %g", i, share[i], weights[i] / sum);
}
#define expect_shares(...) FROM_HERE(expect_shares(__VA_ARGS__))

static void greedy(void **unused)
{
    for (double u = 0; u < 1; u += 0.25) {
        assert_int_equal(draw((tli_sampling){0, 0, 1}, u), 1); /* the first of equal ones */
        assert_int_equal(draw((tli_sampling){1, 1, 1}, u), 1);
        assert_int_equal(draw((tli_sampling){1e-39f, 0, 1}, u), u < 0.5 ? 1 : 3); /* 1 / 1e-39 is no float */
        assert_int_equal(draw((tli_sampling){1, 0, 0}, u), 1);
    }
}

static void temperatures(void **unused)
{
    expect_shares((tli_sampling){1, 0, 1}, (double[]){1, exp(2), 0, exp(2), exp(1)});
    expect_shares((tli_sampling){0.5f, 0, 1}, (double[]){1, exp(4), 0, exp(4), exp(2)});
    expect_shares((tli_sampling){4, 0, 1}, (double[]){1, exp(0.5), 0, exp(0.5), exp(0.25)});
}

static void likeliest(void **unused)
{
    expect_shares((tli_sampling){1, 2, 1}, (double[]){0, 1, 0, 1, 0});
    expect_shares((tli_sampling){1, 3, 1}, (double[]){0, exp(2), 0, exp(2), exp(1)});
    expect_shares((tli_sampling){1, 100, 1}, (double[]){1, exp(2), 0, exp(2), exp(1)});
    /* exp(2) twice are 0.8 of all: half of that needs the first alone, 0.79 both, 0.81 the third too. */
    expect_shares((tli_sampling){1, 0, 0.39f}, (double[]){0, 1, 0, 0, 0});
    expect_shares((tli_sampling){1, 0, 0.79f}, (double[]){0, 1, 0, 1, 0});
    expect_shares((tli_sampling){1, 0, 0.81f}, (double[]){0, exp(2), 0, exp(2), exp(1)});
    expect_shares((tli_sampling){1, 2, 0.6f}, (double[]){0, 1, 0, 1, 0}); /* of the two that are left */
    expect_shares((tli_sampling){1, 2, 0.4f}, (double[]){0, 1, 0, 0, 0});
}

enum { MANY = 1031 };

/* Many logits, equal ones among them, and the same sorted. */
static void make_many(float many[MANY], tli_candidate sorted[MANY])
{
    for (uint32_t i = 0; i < MANY; i++) {
        many[i] = (float)(i * 97 % 61) * 0.1f;
        sorted[i] = (tli_candidate){many[i], i};
    }
    tli_candidates_sort(sorted, MANY);
}

/* What --top-k draws from many is what sorting them all would give. */
static void the_likeliest_of_many_are_those_of_a_sorted_list(void **unused)
{
    float many[MANY];
    tli_candidate sorted[MANY], list[MANY];
    make_many(many, sorted);
    static const uint32_t counts[] = {1, 2, 7, 100, 128, 129, 500, MANY - 1, MANY, MANY + 1};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        const uint32_t k = counts[c] < MANY ? counts[c] : MANY;
        double all = 0, sum = 0;
        for (uint32_t i = 0; i < k; i++) all += exp((double)sorted[i].logit);
        for (uint32_t i = 0; i < k; i++) { /* the middle of each one's share */
            uint32_t id = MANY;
            tl_error err = {0};
            const double share = exp((double)sorted[i].logit), u = (sum + share / 2) / all;
            const tli_sampling s = {1, counts[c], 1};
            assert_int_equal(tli_sample(many, MANY, &s, u, list, &id, &err), TL_OK);
            if (k < MANY) assert_int_equal(id, sorted[i].id); /* all of them are not sorted */
            sum += share;
        }
    }
}

/* The same of --top-p: of some, of most, of all but the last; and behind --top-k. */
static void the_nucleus_of_many_is_that_of_a_sorted_list(void **unused)
{
    float many[MANY];
    tli_candidate sorted[MANY], list[MANY];
    make_many(many, sorted);
    for (uint32_t k = 0; k <= 100; k += 100) {
        const uint32_t of = k > 0 ? k : MANY;
        double weight = 0;
        for (uint32_t i = 0; i < of; i++) weight += exp((double)sorted[i].logit);
        for (uint32_t kept = 1; kept < of; kept += kept < 62 ? 61 : 29) {
            double all = 0, sum = 0; /* top_p lies in the middle of the last one's share */
            for (uint32_t i = 0; i < kept; i++) all += exp((double)sorted[i].logit);
            const double last = exp((double)sorted[kept - 1].logit);
            const tli_sampling s = {1, k, (float)((all - last / 2) / weight)};
            for (uint32_t i = 0; i < kept; i++) {
                uint32_t id = MANY;
                tl_error err = {0};
                const double share = exp((double)sorted[i].logit);
                assert_int_equal(tli_sample(many, MANY, &s, (sum + share / 2) / all, list, &id, &err), TL_OK);
                assert_int_equal(id, sorted[i].id);
                sum += share;
            }
        }
    }
}

/* Of a whole vocabulary, in the order of its ids: what lies in the middle of a share that is more than rounding. */
static void all_of_a_vocabulary_are_drawn(void **unused)
{
    enum { VOCABULARY = 5003 };
    float *many = malloc(VOCABULARY * sizeof *many);
    tli_candidate *list = malloc(VOCABULARY * sizeof *list);
    int drawn = 0;
    for (int falling = 0; falling < 2; falling++) { /* likely ones last, likely ones first */
        double all = 0, sum = 0;
        for (int i = 0; i < VOCABULARY; i++) {
            const int at = falling ? VOCABULARY - 1 - i : i;
            many[i] = at % 7 == 0 ? -INFINITY : -200.0f + (float)at * 0.005f + (float)(i * 97 % 61) * 0.3f;
        }
        for (int i = 0; i < VOCABULARY; i++) all += exp((double)many[i] / (double)0.7f);
        for (uint32_t i = 0; i < VOCABULARY; i++) {
            const double share = exp((double)many[i] / (double)0.7f), u = (sum + share / 2) / all;
            uint32_t id = VOCABULARY;
            tl_error err = {0};
            sum += share;
            if (share / all < 1e-5) continue;
            assert_int_equal(tli_sample(many, VOCABULARY, &(tli_sampling){0.7f, 0, 1}, u, list, &id, &err),
                             TL_OK);
            assert_int_equal(id, i);
            drawn++;
        }
        uint32_t id = VOCABULARY; /* the ends: never one without probability */
        tl_error err = {0};
        assert_int_equal(tli_sample(many, VOCABULARY, &(tli_sampling){0.7f, 0, 1}, 0, list, &id, &err),
                         TL_OK);
        assert_true(many[id] > -INFINITY);
        assert_int_equal(
            tli_sample(many, VOCABULARY, &(tli_sampling){0.7f, 0, 1}, 1 - 1e-16, list, &id, &err), TL_OK);
        assert_true(many[id] > -INFINITY);
    }
    assert_true(drawn > 300);
    free(many), free(list);
}

static void no_numbers(void **unused)
{
    const float none[2] = {NAN, -INFINITY}, endless[2] = {0, INFINITY}, one[2] = {NAN, -3};
    tli_candidate capacity[2];
    uint32_t id;
    tl_error err = {0};
    const tli_sampling s = {1, 0, 1};
    assert_int_equal(tli_sample(none, 2, &s, 0.5, capacity, &id, &err), TL_ERROR_DEVICE);
    assert_int_equal(tli_sample(endless, 2, &s, 0.5, capacity, &id, &err), TL_ERROR_DEVICE);
    assert_int_equal(tli_sample(one, 2, &s, 0.5, capacity, &id, &err), TL_ERROR_DEVICE);
    for (int wrong = 0; wrong < 35; wrong++) /* wherever it stands in a vocabulary */
        for (int nan = 0; nan < 2; nan++) {
            float many[35] = {0};
            tli_candidate list[35];
            many[wrong] = nan ? NAN : INFINITY;
            assert_int_equal(tli_sample(many, 35, &s, 0.5, list, &id, &err), TL_ERROR_DEVICE);
            for (int i = 0; i < 35; i++) many[i] = i == wrong ? -1.0f : -INFINITY;
            assert_int_equal(tli_sample(many, 35, &s, 0.5, list, &id, &err), TL_OK);
            assert_int_equal(id, wrong);
            many[wrong] = -INFINITY;
            assert_int_equal(tli_sample(many, 35, &s, 0.5, list, &id, &err), TL_ERROR_DEVICE);
        }
    const float masked[2] = {-INFINITY, -3};
    assert_int_equal(tli_sample(masked, 2, &s, 0.5, capacity, &id, &err), TL_OK);
    assert_int_equal(id, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(greedy),
                                       cmocka_unit_test(temperatures),
                                       cmocka_unit_test(likeliest),
                                       cmocka_unit_test(the_likeliest_of_many_are_those_of_a_sorted_list),
                                       cmocka_unit_test(the_nucleus_of_many_is_that_of_a_sorted_list),
                                       cmocka_unit_test(all_of_a_vocabulary_are_drawn),
                                       cmocka_unit_test(no_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
