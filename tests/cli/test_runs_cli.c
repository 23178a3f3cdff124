/* Whole runs from outside: the result line, equal seeds, where a run goes, stopping by signals, and what `info` tells apart. */
#include "program.h"
#include "small_digits.h"

/* ---- whole runs ---------------------------------------------------------------------------------- */

static void the_result_line_is_complete(void **state)
{
    static const char *const ops[] = {"attention", "alpha", "translution"};
    for (int i = 0; i < 3; i++) {
        RUN(NO_ENV, "train", "mnist", "--op", ops[i], "--out", at(ops[i]), THREE);
        EXPECT(0, "device ");
        cJSON *json = last_json();
        assert_string_equal(string(json, "task"), "mnist");
        assert_string_equal(string(json, "op"), ops[i]);
        assert_true(number(json, "steps") == 3);
        assert_true(number(json, "params") > 0);
        assert_true(number(json, "loss") > 0);
        assert_true(number(json, "top1") >= 0);
        assert_true(number(json, "top5") >= number(json, "top1"));
        assert_true(number(json, "top1_static") == number(json, "top1"));
        assert_true(number(json, "top1_dynamic") >= 0);
        assert_true(number(json, "step_ms") > 0);
        assert_true(number(json, "peak_device_bytes") > 0);
        assert_true(string(json, "device")[0] != '\0');
        double params = number(json, "params"), top1 = number(json, "top1");
        double moved = number(json, "top1_dynamic");
        cJSON_Delete(json);

        RUN(NO_ENV, "eval", at(ops[i]), "--limit-test", "32");
        EXPECT(0, "device ");
        json = last_json();
        assert_string_equal(string(json, "op"), ops[i]);
        assert_true(number(json, "params") == params);
        assert_true(number(json, "top1") == top1);
        assert_true(number(json, "loss") > 0);
        cJSON_Delete(json);
        char path[600];
        snprintf(path, sizeof path, "%s/model.safetensors", at(ops[i]));
        RUN(NO_ENV, "eval", path, "--limit-test", "32", "--test-motion", "dynamic");
        EXPECT(0, "");
        json = last_json();
        assert_true(number(json, "top1") == moved);
        cJSON_Delete(json);

        RUN(NO_ENV, "info", at(ops[i]));
        EXPECT(0, "");
        char text[64];
        snprintf(text, sizeof text, " %.0f parameters", params);
        assert_non_null(strstr(seen.out, text));
        assert_non_null(strstr(seen.out, "mlp_head"));
        assert_non_null(strstr(seen.out, ops[i]));
        assert_null(strstr(seen.out, folder)); /* no path in the metadata */
    }
}

/* The losses of a metrics file, one a line, as text: "step loss\n". */
static void read_losses(const char *path, char *out, size_t capacity)
{
    static char text[TEXT];
    read_file(path, text, TEXT);
    size_t used = 0;
    out[0] = '\0';
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        const cJSON *step = cJSON_GetObjectItemCaseSensitive(json, "step");
        const cJSON *loss = cJSON_GetObjectItemCaseSensitive(json, "loss");
        if (cJSON_IsNumber(step) && cJSON_IsNumber(loss))
            used += (size_t)snprintf(out + used, capacity - used, "%.0f %.9g\n", step->valuedouble,
                                     loss->valuedouble);
        cJSON_Delete(json);
    }
    assert_true(used > 0);
}
#define read_losses(...) FROM_HERE(read_losses(__VA_ARGS__))

static void equal_seeds_give_equal_runs(void **state)
{
    char first[4096], second[4096], other[4096];
    const char *const metrics[] = {"one.jsonl", "two.jsonl", "three.jsonl"};
    const char *const seeds[] = {"5", "5", "6"};
    for (int i = 0; i < 3; i++) {
        char out[64];
        snprintf(out, sizeof out, "seed-%d", i);
        RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--motion", "dynamic", "--seed", seeds[i], "--out",
            at(out), "--metrics", at(metrics[i]), THREE);
        EXPECT(0, "");
    }
    read_losses(at(metrics[0]), first, sizeof first);
    read_losses(at(metrics[1]), second, sizeof second);
    read_losses(at(metrics[2]), other, sizeof other);
    assert_string_equal(first, second);
    assert_string_not_equal(first, other);

    /* Equal runs give equal files: no time, path, host or device in them. */
    assert_same_file("seed-0/model.safetensors", "seed-1/model.safetensors");
    char *model = read_all("seed-0/model.safetensors", NULL);
    assert_null(strstr(model + 8, folder)); /* behind the header's length */
    free(model);
}

static void a_run_has_a_folder_of_its_own(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--quiet", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--quiet", THREE);
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_non_null(strstr(string(json, "out"), "runs/mnist-attention-"));
    cJSON_Delete(json);
    assert_int_equal(access(at("runs/mnist-attention-1/model.safetensors"), R_OK) |
                         access(at("runs/mnist-attention-2/model.safetensors"), R_OK),
                     0);
}

/* Before there is a device, so that a machine without one says what is wrong with the file. */
static void the_file_of_init_is_checked_and_opened_once(void **state)
{
    size_t bytes;
    char *weights = read_all("attention/model.safetensors", &bytes);
    const int watch = watch_opens("attention/model.safetensors");
    RUN(NO_ENV, "train", "mnist", "--init", at("attention"), "--out", at("begun"), THREE);
    EXPECT(0, "beginning from the weights of");
    assert_int_equal(opens_seen(watch), 1);
    RUN(ENV(NO_PLATFORM), "train", "mnist", "--init", at("attention"), "--out", at("none"), THREE);
    FAILS(1, "no OpenCL device found");
    weights[bytes - 1] ^= 1;
    write_file("damaged.safetensors", weights, bytes);
    free(weights);
    RUN(ENV(NO_PLATFORM), "train", "mnist", "--init", at("damaged.safetensors"), "--out", at("none"), THREE);
    FAILS(2, "damaged.safetensors is damaged");
}

/* ---- stopping ------------------------------------------------------------------------------------ */

static void a_stopped_run_resumes_the_same(void **state)
{
    char whole[4096], parts[4096];
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("whole"), "--metrics",
        at("whole.jsonl"));
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("parts"), "--metrics", at("parts.jsonl"),
        "--stop-after", "3");
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("parts"), "--metrics", at("parts.jsonl"),
        "--resume");
    EXPECT(0, "");
    read_losses(at("whole.jsonl"), whole, sizeof whole);
    read_losses(at("parts.jsonl"), parts, sizeof parts);
    assert_string_equal(whole, parts);
    assert_same_file("whole/model.safetensors", "parts/model.safetensors");
    RUN(NO_ENV, "train", "mnist", THREE, "--out", at("fresh"), "--resume");
    EXPECT(0, "no "); /* no checkpoint to continue from: it says so and starts */
}

/* Waits until `path` holds something, at most a minute. */
static void wait_for(const char *path)
{
    for (int i = 0; i < 600; i++) {
        struct stat what;
        if (stat(path, &what) == 0 && what.st_size > 0) return;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static void interrupt(int signal_number, const char *out, int code)
{
    char path[600];
    snprintf(path, sizeof path, "%s/metrics.jsonl", at(out));
    pid_t pid = start(NO_ENV, (const char *const[]){"train", "mnist", SHORT, "--steps", "1000000",
                                                    "--eval-every", "1000000", "--out", at(out), NULL});
    wait_for(path);
    kill(pid, signal_number);
    finish(pid);
    EXPECT(code, "");
    snprintf(path, sizeof path, "%s/checkpoints", at(out));
    assert_int_equal(access(path, F_OK), 0);
    RUN(NO_ENV, "info", at(out));
    EXPECT(0, "");
}
#define interrupt(...) FROM_HERE(interrupt(__VA_ARGS__))

static void signals_save_and_stop(void **state)
{
    interrupt(SIGINT, "int", 130);
    interrupt(SIGTERM, "term", 143);
}

/* Waits until no signal to the process is pending any more, as Linux tells: two that are pending at once may be
 * handled in either order. */
static void wait_until_taken(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (int tries = 0; tries < 500; tries++) {
        bool pending = false;
        FILE *file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            if (strncmp(line, "ShdPnd:", 7) == 0) pending = strtoull(line + 7, NULL, 16) != 0;
        if (file != NULL) fclose(file);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (!pending) return;
    }
}

/* A step of this takes some three seconds of the one core that it is given, so both signals arrive within one. */
static void a_second_signal_ends_at_once(void **state)
{
    pid_t pid = start(ENV("POCL_MAX_PTHREAD_COUNT=1", "POCL_CPU_MAX_CU_COUNT=1"),
                      (const char *const[]){"train", "mnist", "--size", "tiny", "--batch-size", "256",
                                            "--limit-train", "512", "--steps", "9", "--out", at("twice"),
                                            NULL});
    wait_for(at("twice/metrics.jsonl"));
    kill(pid, SIGTERM);
    wait_until_taken(pid);
    kill(pid, SIGINT);
    finish(pid);
    EXPECT(130, "");
    assert_null(strstr(seen.err, "saved in"));
}

static void differences_of_checkpoints_are_said(void **state)
{
    RUN(NO_ENV, "info", "--diff", at("attention"));
    FAILS(2, "two checkpoints");
    RUN(NO_ENV, "info", at("attention"), at("alpha"));
    FAILS(2, "one word too many");
    RUN(NO_ENV, "info", "--diff", at("attention"), at("nothing"));
    FAILS(2, "nothing");
    RUN(NO_ENV, "info", "--diff", at("attention"), at("attention"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "0 settings and 0 tensors differ"));
    RUN(NO_ENV, "info", "--diff", at("attention"), at("alpha"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "attention -> alpha"));
    assert_non_null(strstr(seen.out, "only in the second"));
    RUN(NO_ENV, "info", "--diff", at("seed-0"), at("seed-2"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "5 -> 6"));
    assert_non_null(strstr(seen.out, "largest difference"));
    assert_non_null(strstr(seen.out, "1 settings and "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_line_is_complete),
        cmocka_unit_test(the_file_of_init_is_checked_and_opened_once),
        cmocka_unit_test(equal_seeds_give_equal_runs),
        cmocka_unit_test(a_run_has_a_folder_of_its_own),
        cmocka_unit_test(a_stopped_run_resumes_the_same),
        cmocka_unit_test(signals_save_and_stop),
        cmocka_unit_test(a_second_signal_ends_at_once),
        cmocka_unit_test(differences_of_checkpoints_are_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
