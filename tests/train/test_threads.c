/* Two contexts in two threads, on two devices where there are two: nothing is shared, so each gives what it gives alone.
 * And the first calls of a process, from several threads at once. */
#include "runs.h"

#include <pthread.h>
#include <sys/wait.h>

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
    const tl_context_options options = {.size = sizeof options, .device = j->device};
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

/* ---- the first use --------------------------------------------------------------------------------- */

enum { CHILDREN = 30, THREADS = 4 };

static pthread_barrier_t line; /* all threads begin at once */

static void *first_call(void *user)
{
    const int number = *(int *)user;
    tl_error err = {0};
    tl_context *ctx = NULL;
    tl_device_info *list = NULL;
    int count = 0;
    pthread_barrier_wait(&line);
    const tl_status status = number % 2 == 0 ? tl_context_create(NULL, &ctx, &err)
                                             : tl_device_list(&list, &count, &err);
    if (status != TL_OK) fprintf(stderr, "thread %d: %s\n", number, err.text);
    tl_context_destroy(ctx);
    free(list);
    return status == TL_OK && (number % 2 == 0 || count > 0) ? NULL : user;
}

/* A process that has not met OpenCL yet. */
static int fresh_process(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], bad = pthread_barrier_init(&line, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        bad |= pthread_create(&threads[i], NULL, first_call, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        bad |= pthread_join(threads[i], &failed) != 0 || failed != NULL;
    }
    return bad;
}

/* Drivers need not start safely from two threads at once (PoCL does not): the library sees to it. Before any other test
 * of this program, as a process starts its drivers once. */
static void first_use(void **unused)
{
    int crashed = 0;
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) _exit(fresh_process());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    if (crashed > 0) fail_msg("%d of %d processes crashed or failed", crashed, CHILDREN);
}

int main(void)
{
    setenv("POCL_DEVICES", "pthread pthread", 0); /* with PoCL there are two */
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_use), cmocka_unit_test(two_at_once)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
