#include "cli/ranks.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

/* ---- a limit for what has none ---------------------------------------------------------------------- */

/* MPI's start and end wait for all ranks for ever: meanwhile a thread ends this process after a while, and thereby the
 * others. */
typedef struct guard {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over;
    double seconds;
    const char *what; /* "start" */
} guard;

static void *guard_watch(void *user)
{
    guard *g = user;
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)g->seconds + 1;
    pthread_mutex_lock(&g->lock);
    while (!g->over && code == 0) code = pthread_cond_timedwait(&g->ended, &g->lock, &until);
    if (!g->over) {
        tli_cli_say_over("translution: MPI does not %s within %g s: a rank was stopped, hangs, or needs "
                         "longer (`timeout`)\n",
                         g->what, g->seconds);
        _exit(1);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* False: no thread could be started, and nothing limits the wait. */
static bool guard_begin(guard *g, const tli_cli_options *o, const char *what)
{
    pthread_condattr_t monotonic;
    *g = (guard){.lock = PTHREAD_MUTEX_INITIALIZER, .seconds = o->ranks_options.timeout, .what = what};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&g->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pthread_create(&g->thread, NULL, guard_watch, g) == 0;
}

static void guard_end(guard *g)
{
    pthread_mutex_lock(&g->lock);
    g->over = true;
    pthread_cond_signal(&g->ended);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->thread, NULL);
}

static tl_status ranks_open(tli_cli_options *o, tl_error *err)
{
    guard g;
    const bool guarded = guard_begin(&g, o, "start");
    const tl_status status = tl_ranks_open_with(&o->ranks_options, &o->ranks, err);
    if (guarded) guard_end(&g);
    return status;
}

static void ranks_close(tli_cli_options *o)
{
    guard g;
    const bool guarded = o->ranks != NULL && guard_begin(&g, o, "end");
    tl_ranks_close(o->ranks);
    if (guarded) guard_end(&g);
}

/* ---- what each rank has ------------------------------------------------------------------------------ */

/* The cores of a machine are shared out among its ranks, in processes that have one driver for all of them. */
static void share_cores(const tl_ranks *ranks)
{
    char threads[24];
    if (ranks == NULL) return;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN), each = cores / tl_ranks_of_machine(ranks);
    snprintf(threads, sizeof threads, "%ld", each > 1 ? each : 1);
    setenv("POCL_CPU_MAX_CU_COUNT", threads, 0);
}

/* Each rank of a machine takes another of the devices that --device auto may choose. */
static void share_devices(tli_cli_options *o)
{
    if (o->ranks != NULL && (o->device[0] == '\0' || strcasecmp(o->device, "auto") == 0))
        snprintf(o->device, sizeof o->device, "auto:%d", tl_ranks_local_rank(o->ranks));
}

/* ---- the end ----------------------------------------------------------------------------------------- */

/* Rank 0 speaks for all, but a rank that ends alone says so itself, when those before it have had the time to end
 * alike, unless the launcher, which takes some seconds, has begun to end it. It speaks before the others miss it. */
static void await_turn(const tli_cli_options *o)
{
    const int rank = tl_ranks_rank(o->ranks);
    const double most = o->ranks_options.timeout / 4, turn = rank < 2 ? 4 * rank : 8,
                 seconds = fmin(turn, most);
    const struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * fmod(seconds, 1))};
    nanosleep(&pause, NULL);
}

/* Every other rank ends, too. */
static void say_and_end(const tli_cli_options *o, const tl_error *err, int exit_code)
{
    tli_cli_say_over("translution: rank %d of %d: %s\n", tl_ranks_rank(o->ranks), tl_ranks_size(o->ranks),
                     err->text);
    tl_ranks_end_all(o->ranks, exit_code);
}

static void end_ranks(const tli_cli_options *o, tl_status status, const tl_error *err)
{
    await_turn(o);
    if (tl_ranks_rank(o->ranks) == 0 || tli_cli_signal == 0) say_and_end(o, err, tl_exit_code(status));
    tl_ranks_end_all(o->ranks, tl_exit_code(status));
}

void tli_cli_stop_ranks(const tli_cli_options *o, const tl_error *err)
{
    if (o->ranks == NULL) return;
    await_turn(o);
    say_and_end(o, err, 128 + (int)tli_cli_signal);
}

tl_status tli_cli_with_ranks(tli_cli_options *o, tl_error *err,
                             tl_status (*work)(tli_cli_options *o, tl_error *err))
{
    tli_cli_catch_signals(); /* before MPI starts threads */
    tli_cli_outlive_readers();
    o->ranks_options.size = sizeof o->ranks_options;
    if (!tli_cli_given(o, "rank-timeout")) o->ranks_options.timeout = TL_RANKS_TIMEOUT;
    TLI_TRY(ranks_open(o, err));
    share_cores(o->ranks);
    share_devices(o);
    if (tl_ranks_rank(o->ranks) > 0) o->quiet = true;
    const tl_status status = work(o, err);
    if (status != TL_OK && status != TL_INTERRUPTED && o->ranks != NULL) end_ranks(o, status, err);
    if (status == TL_INTERRUPTED && o->ranks != NULL && tli_cli_signal == 0)
        tli_cli_signal = SIGTERM; /* another rank's signal */
    if (tl_ranks_rank(o->ranks) > 0) err->text[0] = '\0';
    ranks_close(o);
    return status;
}
