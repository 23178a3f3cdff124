#include "comm/ranks.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/backend.h"
#include "comm/rank_clock.h"
#include "core/clock.h"
#include "core/config.h"

#define MODULE "translution_mpi.so"

struct tl_ranks {
    const tli_comm_backend *backend;
    tli_comm *comm;
    tli_comm_place place;
    double timeout; /* seconds */
    bool group;     /* some of all ranks: rank r is first + r * step of them */
    int first, step;
    tli_rank_clock own, *clock; /* a group's is that of all */
};

/* ---- the module ------------------------------------------------------------------------------------- */

/* How many processes were started together, and the variable that says so; 1 where none does. */
static int started_together(const char **variable)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *text = getenv(variables[i]);
        const int count = text != NULL ? atoi(text) : 0;
        *variable = variables[i];
        if (count > 1) return count;
    }
    return 1;
}

/* The module beside the program, as in a build folder, or where packages put it. It stays loaded: MPI has threads. */
static void *load_module(void)
{
    const char *asked = getenv("TRANSLUTION_MPI_MODULE");
    char path[4096];
    if (asked != NULL) return dlopen(asked, RTLD_NOW | RTLD_GLOBAL);
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof MODULE - 1);
    path[length > 0 ? length : 0] = '\0';
    char *name = strrchr(path, '/');
    if (name != NULL) snprintf(name, sizeof MODULE + 1, "/%s", MODULE);
    void *module = name != NULL ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
    return module != NULL ? module : dlopen(TL_MODULE_DIR "/" MODULE, RTLD_NOW | RTLD_GLOBAL);
}

/* `variable` says that `count` processes were started together; NULL: a communicator was given. */
static tl_status refuse_no_module(int count, const char *variable, tl_error *err)
{
    const char *why = dlerror(),
               *install = "install an MPI (Debian: libopenmpi-dev and openmpi-bin) and build again";
    if (variable == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a communicator is given, but " MODULE " cannot be loaded (%s): %s", why, install);
    return tli_fail(err, TL_ERROR_USAGE,
                    "%s says that %d processes were started together, but " MODULE
                    " cannot be loaded (%s): %s, or unset %s to run alone",
                    variable, count, why, install, variable);
}

static tl_status find_backend(int count, const char *variable, const tli_comm_backend **backend,
                              tl_error *err)
{
    void *module = load_module();
    *backend = module != NULL ? dlsym(module, TLI_COMM_SYMBOL) : NULL;
    if (*backend == NULL) return refuse_no_module(count, variable, err);
    if (strcmp((*backend)->version, TLI_COMM_VERSION) == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    MODULE " is of version %s, and this program of %s: install both anew",
                    (*backend)->version, TLI_COMM_VERSION);
}

/* ---- the public header ------------------------------------------------------------------------------- */

static tl_status start(tl_ranks *r, void *communicator, int count, const char *variable, tl_error *err)
{
    const int code = r->backend->start(communicator, r->timeout, &r->place, &r->comm);
    if (code != 0)
        return tli_fail(err, TL_ERROR_DEVICE, "MPI does not start: %s",
                        r->backend->error_text(r->comm, code));
    if (variable == NULL || r->place.size == count) return TL_OK;
    (void)r->backend->finish(r->comm);
    return tli_fail(err, TL_ERROR_USAGE,
                    "%s says that %d processes were started together, and MPI knows %d: start them by the "
                    "mpirun of the MPI that " MODULE
                    " was built with, or by srun with PMIx (SLURM_MPI_TYPE=pmix)",
                    variable, count, r->place.size);
}

static tl_status take_options(const tl_ranks_options *given, tl_ranks_options *o, tl_error *err)
{
    if (given != NULL) TLI_TRY(TLI_CONFIG_TAKE(o, given, tl_ranks_options, err));
    if (o->timeout == 0) o->timeout = TL_RANKS_TIMEOUT;
    if (o->timeout > 0) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "`timeout` of ranks is %g: give seconds, more than 0", o->timeout);
}

tl_status tl_ranks_open_with(const tl_ranks_options *options, tl_ranks **out, tl_error *err)
{
    const char *variable;
    const int count = started_together(&variable);
    const tli_comm_backend *backend;
    tl_ranks_options o = {0};
    if (out == NULL) return tli_fail(err, TL_ERROR_USAGE, "ranks need a place for their handle");
    *out = NULL;
    TLI_TRY(take_options(options, &o, err));
    if (o.communicator != NULL) variable = NULL;
    if (variable != NULL && count == 1) return TL_OK;
    TLI_TRY(find_backend(count, variable, &backend, err));
    tl_ranks *r = calloc(1, sizeof *r);
    if (r == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for ranks");
    r->backend = backend;
    r->timeout = o.timeout;
    r->clock = &r->own;
    const tl_status status = start(r, o.communicator, count, variable, err);
    if (status == TL_OK)
        *out = r;
    else
        free(r);
    return status;
}

tl_status tl_ranks_open(tl_ranks **out, tl_error *err)
{
    return tl_ranks_open_with(NULL, out, err);
}

int tl_ranks_rank(const tl_ranks *r)
{
    return r != NULL ? r->place.rank : 0;
}

int tl_ranks_size(const tl_ranks *r)
{
    return r != NULL ? r->place.size : 1;
}

int tl_ranks_of_machine(const tl_ranks *r)
{
    return r != NULL ? r->place.local_size : 1;
}

int tl_ranks_local_rank(const tl_ranks *r)
{
    return r != NULL ? r->place.local_rank : 0;
}

void tl_ranks_close(tl_ranks *r)
{
    if (r == NULL) return;
    (void)r->backend->finish(r->comm);
    free(r);
}

void tl_ranks_end_all(tl_ranks *r, int exit_code)
{
    if (r != NULL) r->backend->end_all(r->comm, exit_code);
}

bool tl_ranks_time(const tl_ranks *r, int index, tl_rank_time *time)
{
    return r != NULL && time != NULL && tli_rank_clock_read(r->clock, index, time);
}

/* ---- inside the library ------------------------------------------------------------------------------ */

/* `code` is that of a message of `sent` bytes that was begun at this time. */
static tl_status ranks_result(const tl_ranks *r, int code, size_t sent, double begun, const char *what,
                              tl_error *err)
{
    tli_rank_clock_message(r->clock, sent, begun);
    if (code == 0) return TL_OK;
    const char *text = r->backend->error_text(r->comm, code);
    if (code != TLI_COMM_MISSING) return tli_fail(err, TL_ERROR_DEVICE, "cannot %s: %s", what, text);
    return tli_fail(err, TL_ERROR_DEVICE,
                    "waited %g s to %s, and nothing is heard of %s: it was stopped, hangs, or needs longer "
                    "(`timeout`); go on from the last checkpoint with `run.resume`",
                    r->timeout, what, text);
}

tl_status tli_ranks_exchange(tl_ranks *r, int partner, const void *send, size_t sent, void *receive,
                             size_t received, tl_error *err)
{
    const int rank = r->group ? r->first + partner * r->step : partner;
    const double begun = tli_clock_seconds();
    return ranks_result(r, r->backend->exchange(r->comm, rank, send, sent, receive, received), sent, begun,
                        "exchange gradients and weights", err);
}

void tli_ranks_in_background(tl_ranks *r, bool whether)
{
    if (r != NULL) r->backend->in_background(r->comm, whether);
}

/* Who has the data doubles in every turn. */
static tl_status group_broadcast(tl_ranks *r, void *data, size_t bytes, tl_error *err)
{
    for (int have = 1; have < r->place.size; have *= 2) {
        const int rank = r->place.rank;
        if (rank < have) TLI_TRY(tli_ranks_exchange(r, rank + have, data, bytes, NULL, 0, err));
        if (rank >= have && rank < 2 * have)
            TLI_TRY(tli_ranks_exchange(r, rank - have, NULL, 0, data, bytes, err));
    }
    return TL_OK;
}

tl_status tli_ranks_broadcast(tl_ranks *r, void *data, size_t bytes, tl_error *err)
{
    if (r == NULL) return TL_OK;
    if (r->group) return group_broadcast(r, data, bytes, err);
    const double begun = tli_clock_seconds();
    return ranks_result(r, r->backend->broadcast(r->comm, data, bytes), bytes, begun, "share settings", err);
}

static tl_status group_largest(tl_ranks *r, int *value, tl_error *err)
{
    for (int width = 1; width < r->place.size; width *= 2) {
        const int own = *value;
        int theirs = own;
        TLI_TRY(tli_ranks_exchange(r, r->place.rank ^ width, &own, sizeof own, &theirs, sizeof theirs, err));
        if (theirs > own) *value = theirs;
    }
    return TL_OK;
}

tl_status tli_ranks_largest(tl_ranks *r, int *value, tl_error *err)
{
    if (r == NULL) return TL_OK;
    if (r->group) return group_largest(r, value, err);
    const double begun = tli_clock_seconds();
    return ranks_result(r, r->backend->largest(r->comm, value), sizeof *value, begun, "agree with the others",
                        err);
}

/* What a rank that fails tells rank 0. */
typedef struct failure {
    tl_status status;
    tl_error error;
} failure;

/* This rank has not failed, and the rank `failed` is the first that has. */
static tl_status hear_failure(tl_ranks *r, int failed, tl_error *err)
{
    failure heard;
    if (r->place.rank > 0) return tli_fail(err, TL_ERROR_DEVICE, "rank %d has failed", failed);
    TLI_TRY(tli_ranks_exchange(r, failed, NULL, 0, &heard, sizeof heard, err));
    return tli_fail(err, heard.status, "rank %d: %s", failed, heard.error.text);
}

tl_status tli_ranks_agree(tl_ranks *r, tl_status status, tl_error *err)
{
    int from_end = 0; /* of the first rank that fails; 0: none does */
    if (r == NULL) return status;
    if (status != TL_OK) from_end = r->place.size - r->place.rank;
    TLI_TRY(tli_ranks_largest(r, &from_end, err));
    const int failed = r->place.size - from_end;
    if (from_end == 0) return TL_OK;
    if (status == TL_OK) return hear_failure(r, failed, err);
    const failure own = {status, *err};
    if (failed == r->place.rank && failed > 0)
        TLI_TRY(tli_ranks_exchange(r, 0, &own, sizeof own, NULL, 0, err));
    return status;
}

/* What a rank has the sums of, of the ranks that it has exchanged with so far. */
typedef struct span {
    size_t from, to;
} span;

/* The halves of a span, this rank's and its partner's: the lower rank has the lower one. */
static void split_span(span s, bool lower, span *own, span *theirs)
{
    const size_t middle = s.from + (s.to - s.from) / 2;
    const span low = {s.from, middle}, high = {middle, s.to};
    *own = lower ? low : high;
    *theirs = lower ? high : low;
}

/* Exchanges halves with ranks ever nearer, adds, and on the way back gets the partner's sums. */
static tl_status sum_span(tl_ranks *r, float *values, span s, int width, float *scratch, tl_error *err)
{
    const int partner = r->place.rank ^ width;
    span own, theirs;
    if (width == 0) return TL_OK;
    split_span(s, (r->place.rank & width) == 0, &own, &theirs);
    const size_t kept = own.to - own.from, given = theirs.to - theirs.from;
    TLI_TRY(tli_ranks_exchange(r, partner, values + theirs.from, given * sizeof *values, scratch,
                               kept * sizeof *values, err));
    for (size_t i = 0; i < kept; i++) values[own.from + i] += scratch[i];
    TLI_TRY(sum_span(r, values, own, width / 2, scratch, err));
    return tli_ranks_exchange(r, partner, values + own.from, kept * sizeof *values, values + theirs.from,
                              given * sizeof *values, err);
}

tl_status tli_ranks_sum(tl_ranks *r, float *values, size_t count, float *scratch, tl_error *err)
{
    return r == NULL ? TL_OK : sum_span(r, values, (span){0, count}, r->place.size / 2, scratch, err);
}

tl_status tli_ranks_group(tl_ranks *all, int first, int step, int size, tl_ranks **group, tl_error *err)
{
    *group = NULL;
    if (size == 1) return TL_OK;
    tl_ranks *g = malloc(sizeof *g);
    if (g == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a group of ranks");
    *g = *all;
    g->group = true;
    g->first = first;
    g->step = step;
    g->place.rank = (all->place.rank - first) / step;
    g->place.size = size;
    *group = g;
    return TL_OK;
}

void tli_ranks_group_free(tl_ranks *group)
{
    free(group);
}

tl_status tli_ranks_at_work(tl_ranks *r, tl_error *err)
{
    if (r == NULL) return TL_OK;
    const double begun = tli_clock_seconds();
    return ranks_result(r, r->backend->at_work(r->comm), 0, begun, "answer the others", err);
}

void tli_ranks_begin(tl_ranks *r, tli_exchange_kind kind)
{
    if (r != NULL) tli_rank_clock_begin(r->clock, kind);
}

void tli_ranks_end(tl_ranks *r)
{
    if (r != NULL) tli_rank_clock_end(r->clock);
}

double tli_ranks_count_steps(tl_ranks *r, double seconds, uint32_t steps)
{
    return r != NULL ? tli_rank_clock_count(r->clock, seconds, steps) : 0;
}
