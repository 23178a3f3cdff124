/* Which precision products have in ranks of which some have no tensor cores: `mpirun -n N rank_precision RANK...`, of which all but these
 * emulate them. Each asks for tf32 and prints its notices and what it has. */
#include <stdio.h>
#include <stdlib.h>

#include "core/choices.h"
#include "ops/matrix_unit.h"
#include "ops/precision.h"

static void print_notice(void *user, tl_log_level level, const char *line)
{
    (void)level;
    printf("rank %d says: %s\n", *(const int *)user, line);
}

static tl_status choose(tl_context *ctx, tl_ranks *ranks, bool emulate)
{
    if (emulate) TLI_TRY(tli_matrix_unit_emulate(ctx, TLI_UNIT_MMA));
    TLI_TRY(tli_precision_choose(ctx, ranks, TL_PRECISION_TF32));
    printf("rank %d has %s\n", tl_ranks_rank(ranks),
           tli_choice_shown(&tli_precision_choices, (int)tli_precision_of(ctx)));
    return TL_OK;
}

int main(int argc, char **argv)
{
    tl_error err = {0};
    tl_ranks *ranks = NULL;
    tl_context *ctx = NULL;
    tl_status status = tl_ranks_open(&ranks, &err);
    int rank = tl_ranks_rank(ranks);
    bool emulate = true;
    for (int i = 1; i < argc; i++) emulate &= atoi(argv[i]) != rank;
    const tl_log log = {.level = TL_LOG_NOTICE, .write = print_notice, .user = &rank};
    const tl_context_options options = {.size = sizeof options, .path = TL_PATH_GPU, .log = &log};
    if (status == TL_OK) status = tl_context_create(&options, &ctx, &err);
    if (status == TL_OK) {
        status = choose(ctx, ranks, emulate);
        err = *tl_context_error(ctx);
    }
    if (status != TL_OK) {
        fprintf(stderr, "rank %d: %s\n", rank, err.text);
        tl_ranks_end_all(ranks, 1);
        return 1;
    }
    tl_context_destroy(ctx);
    tl_ranks_close(ranks);
    return 0;
}
