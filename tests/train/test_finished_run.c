/* A run that is done and resumed again: the same result, and nothing computed. */
#include "runs.h"

static void assert_same_result(const tl_result *a, const tl_result *b)
{
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->params, b->params);
    assert_int_equal(a->peak_device_bytes, b->peak_device_bytes);
    assert_true(a->loss == b->loss);
    assert_true(a->test_loss == b->test_loss);
    assert_true(a->top1 == b->top1);
    assert_true(a->top5 == b->top5);
    assert_true(a->top1_static == b->top1_static);
    assert_true(a->top1_dynamic == b->top1_dynamic);
    assert_true(a->step_ms == b->step_ms);
    assert_true(a->data_wait == b->data_wait);
    assert_true(isnan(a->perplexity));
    assert_true(isnan(b->perplexity));
    assert_int_equal(a->files.known, b->files.known);
    assert_string_equal(a->out, b->out);
}
#define assert_same_result(...) FROM_HERE(assert_same_result(__VA_ARGS__))

static void the_same_again(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "finished");
    const tl_result first = train(s);
    size_t before, after;
    s.run.resume = true;
    free(read_all(inside(s.run.out, "metrics.jsonl"), &before));
    const tl_result second = train(s);
    free(read_all(inside(s.run.out, "metrics.jsonl"), &after));
    assert_same_result(&first, &second);
    assert_int_equal(before, after); /* evaluated nothing */
    assert_false(exists(inside(s.run.out, "earlier-1")));
}

/* Killed behind the last checkpoint: without a result that can be read the run is evaluated. */
static void an_evaluation_is_made_up_for(void **unused)
{
    static const char *const broken[] = {NULL,  "", "{", "{\"steps\":6}", "{\"steps\":5,\"params\":-1}",
                                         "null"};
    tl_settings s = small_run(TL_OP_ATTENTION, "unevaluated");
    const tl_result first = train(s);
    char path[2200];
    snprintf(path, sizeof path, "%s/result.json", s.run.out);
    s.run.resume = true;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        size_t before, after;
        assert_int_equal(remove(path), 0);
        if (broken[i] != NULL) {
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fputs(broken[i], file);
            fclose(file);
        }
        free(read_all(inside(s.run.out, "metrics.jsonl"), &before));
        const tl_result again = train(s);
        free(read_all(inside(s.run.out, "metrics.jsonl"), &after));
        assert_true(after > before);
        assert_true(again.loss == first.loss);
        assert_true(again.test_loss == first.test_loss);
        assert_true(again.top1 == first.top1);
        const tl_result third = train(s);
        assert_true(third.test_loss == first.test_loss);
        assert_true(third.steps == 6);
    }
}

/* A new run does not take the result of the one before. */
static void set_aside_with_its_run(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "anew");
    train(s);
    s.run.stop_after = 1;
    train(s);
    assert_true(exists(inside(s.run.out, "earlier-1/result.json")));
    assert_false(exists(inside(s.run.out, "result.json")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(an_evaluation_is_made_up_for),
        cmocka_unit_test(set_aside_with_its_run),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
