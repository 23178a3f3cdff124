/* The learning rate of every step, as a run says it in its metrics: warm-up, then the cosine from the peak; and a run of an
 * older version on the curve that it was begun with. */
#include <math.h>

#include "program.h"

#include "edit_weights.h"

#define BRIEF                                                                                                \
    "train", "mnist", "--dim", "8", "--depth", "1", "--heads", "2", "--head-dim", "4", "--limit-train", "8", \
        "--limit-test", "8", "--batch-size", "4", "--steps", "10", "--lr", "3e-4"

/* The rates of the steps in OUT/metrics.jsonl; steps are counted from 0. */
static void read_rates(const char *out, double rates[10])
{
    char path[64];
    snprintf(path, sizeof path, "%s/metrics.jsonl", out);
    read_file(path, seen.out, TEXT);
    for (int i = 0; i < 10; i++) rates[i] = (double)NAN;
    for (char *line = seen.out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        if (cJSON_GetObjectItem(json, "lr") != NULL)
            rates[(int)number(json, "step") - 1] = number(json, "lr");
        cJSON_Delete(json);
    }
}
#define read_rates(...) FROM_HERE(read_rates(__VA_ARGS__))

static void expect_rate(double rate, double share)
{
    if (!(fabs(rate - 3e-4 * share) < 1e-10)) fail_msg("%g instead of %g", rate, 3e-4 * share);
}
#define expect_rate(...) FROM_HERE(expect_rate(__VA_ARGS__))

static double cosine(double share)
{
    return 0.5 * (1 + cos(3.14159265358979323846 * share));
}

static void cosine_behind_the_warmup(void **state)
{
    double rates[10];
    RUN(NO_ENV, BRIEF, "--warmup", "4", "--out", at("new"));
    EXPECT(0, "");
    read_rates("new", rates);
    for (int i = 0; i < 10; i++) expect_rate(rates[i], i < 4 ? (i + 1) / 4.0 : cosine((i - 4) / 6.0));
    RUN(NO_ENV, BRIEF, "--warmup", "4", "--schedule", "constant", "--out", at("constant"));
    EXPECT(0, "");
    read_rates("constant", rates);
    for (int i = 0; i < 10; i++) expect_rate(rates[i], i < 4 ? (i + 1) / 4.0 : 1);
    RUN(NO_ENV, BRIEF, "--warmup", "10", "--out", at("never"));
    FAILS(2, "--warmup 10 is not shorter than the run of 10 steps");
    assert_int_equal(access(at("never"), F_OK), -1);
}

/* A checkpoint that says nothing of the schedule's version is of a time when warm-up and cosine were multiplied. */
static void old_runs_keep_their_curve(void **state)
{
    double rates[10];
    RUN(NO_ENV, BRIEF, "--warmup", "4", "--out", at("old"), "--stop-after", "2");
    EXPECT(0, "");
    drop_setting(at("old/checkpoints/2/model.safetensors"), at("old/edited"), "schedule_version");
    assert_int_equal(rename(at("old/edited"), at("old/checkpoints/2/model.safetensors")), 0);
    RUN(NO_ENV, BRIEF, "--warmup", "4", "--out", at("old"), "--resume", "--stop-after", "3");
    EXPECT(0, "resuming", "after step 2");
    RUN(NO_ENV, BRIEF, "--warmup", "4", "--out", at("old"), "--resume"); /* its own checkpoints say it, too */
    EXPECT(0, "resuming", "after step 5");
    read_rates("old", rates);
    for (int i = 2; i < 10; i++) expect_rate(rates[i], cosine(i / 10.0) * (i < 4 ? (i + 1) / 4.0 : 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cosine_behind_the_warmup),
                                       cmocka_unit_test(old_runs_keep_their_curve)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
