/* `info --metrics`: a run's metrics as comma-separated values. */
#include "program.h"
#include "small_digits.h"

static void a_run_becomes_a_table(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("run"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "info", "--metrics", at("run"));
    EXPECT(0, "");
    assert_string_equal(seen.err, "");
    const char *line = seen.out;
    assert_says(line, "step,epoch,test,loss,lr,images_per_second,data_wait,top1,top5\n1,1,,");
    int lines = 0, commas = 0;
    for (; *line != '\0'; line++) {
        commas += *line == ',';
        if (*line != '\n') continue;
        assert_int_equal(commas, 8);
        commas = 0;
        lines++;
    }
    assert_int_equal(lines, 1 + 3 + 2); /* names, steps, the static and the dynamic test set */
    assert_says(seen.out, "\n3,1,static,");
}

static void cells_are_exact_empty_or_quoted(void **state)
{
    write_text("metrics.jsonl", "{\"step\":1,\"epoch\":1,\"loss\":2.55090165,\"lr\":0.000300000014}\n"
                                "{\"step\":2,\"epoch\":1,\"loss\":null,\"a\\n\\\"b\\\",c\":1}\n"
                                "{\"step\":2,\"epoch\":1,\"test\":\"x,y\",\"loss\":-1e-30}\n"
                                "{\"step\":3,\"ep");
    RUN(NO_ENV, "info", "--metrics", at("metrics.jsonl"));
    EXPECT(0, "1 line of ", "metrics.jsonl is cut off or no metrics, and left out");
    assert_string_equal(seen.out, "step,epoch,test,loss,lr,\"a\\n\"\"b\"\",c\"\n"
                                  "1,1,,2.55090165,0.000300000014,\n"
                                  "2,1,,,,1\n"
                                  "2,1,\"x,y\",-1e-30,,\n");
    RUN(NO_ENV, "info", "--metrics", "--quiet", folder);
    EXPECT(0, "");
    assert_string_equal(seen.err, "");
}

static void mistakes_are_named(void **state)
{
    fails(2, "info --metrics", "info needs a checkpoint");
    fails(2, "info --metrics nowhere", "the metrics nowhere cannot be read", "No such file");
    fails(2, "info --metrics run other", "'other' is one word too many");
    fails(2, "info --metrics --diff run other", "--diff", "--metrics", "give one of them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_becomes_a_table),
        cmocka_unit_test(cells_are_exact_empty_or_quoted),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
