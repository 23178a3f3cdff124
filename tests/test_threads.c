/* Two contexts in two threads, on two devices where there are two: nothing is shared, so each gives what it gives alone. */
#include "runs.h"

#include <pthread.h>

typedef struct job {
    char device[16];
    tl_settings settings;
    tl_status status;
    tl_result result;
    tl_error error;
} job;

static void *work(void *user)
{
    job *j = user;
    const tl_context_options options = {.device = j->device};
    tl_context *ctx = NULL;
    j->status = tl_context_create(&options, &ctx, &j->error);
    if (j->status != TL_OK) return NULL;
    j->status = tl_train(ctx, &j->settings, NULL, &j->result);
    j->error = *tl_context_error(ctx);
    tl_context_destroy(ctx);
    return NULL;
}

static void two_at_once(void **unused)
{
    enum { ROUNDS = 2 };
    tl_device_info *list = NULL;
    int count = 0;
    tl_error err = {0};
    assert_int_equal(tl_device_list(&list, &count, &err), TL_OK);
    free(list);
    assert_true(count > 0);
    printf("%d devices\n", count);
    for (int round = 0; round < ROUNDS; round++) {
        job jobs[2];
        memset(jobs, 0, sizeof jobs);
        pthread_t threads[2];
        tl_settings alone[2];
        for (int i = 0; i < 2; i++) {
            const tl_op_kind op = (i + round) % 2 == 0 ? TL_OP_ALPHA : TL_OP_TRANSLUTION;
            char name[40];
            snprintf(name, sizeof name, "alone-%d-%d", round, i);
            alone[i] = small_run(op, name);
            snprintf(name, sizeof name, "thread-%d-%d", round, i);
            jobs[i].settings = small_run(op, name);
            snprintf(jobs[i].device, sizeof jobs[i].device, "%d", count > 1 ? i : 0);
        }
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++) {
            if (jobs[i].status != TL_OK) fail_msg("thread %d: %s", i, jobs[i].error.text);
            train(alone[i]);
            assert_same_model(&alone[i], &jobs[i].settings);
        }
    }
}

int main(void)
{
    setenv("POCL_DEVICES", "pthread pthread", 0); /* with PoCL there are two */
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_at_once)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
