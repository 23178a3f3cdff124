/* Ranks of a process that was started alone, for which NULL stands, or that cannot find the others. tests/cli/test_ranks.sh
 * starts several. */
#include "refusals.h"

static void nobody_else_takes_part(void **unused)
{
    tl_ranks *ranks = (tl_ranks *)&ranks;
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    setenv("SLURM_NTASKS", "1", 1);
    if (tl_ranks_open(&ranks, &said) != TL_OK) fail_msg("%s", said.text);
    assert_null(ranks);
    if (tl_ranks_open_with(NULL, &ranks, &said) != TL_OK) fail_msg("%s", said.text);
    assert_null(ranks);
    GIVES(tl_ranks_rank, tl_ranks_rank(NULL) == 0);
    GIVES(tl_ranks_size, tl_ranks_size(NULL) == 1);
    GIVES(tl_ranks_of_machine, tl_ranks_of_machine(NULL) == 1);
    GIVES(tl_ranks_local_rank, tl_ranks_local_rank(NULL) == 0);
    tl_rank_time time;
    GIVES(tl_ranks_time, !tl_ranks_time(NULL, 0, &time) && !tl_ranks_time(NULL, -1, NULL));
    TRIES(tl_ranks_close);
    tl_ranks_close(NULL);
    TRIES(tl_ranks_end_all);
    tl_ranks_end_all(NULL, 1);
}

static void the_others_cannot_be_found(void **unused)
{
    tl_ranks *ranks = (tl_ranks *)&ranks;
    WRONG(tl_ranks_open, "place for their handle", NULL, &said);
    setenv("PMI_SIZE", "3", 1);
    setenv("TRANSLUTION_MPI_MODULE", "/nonexistent/module.so", 1);
    WRONG(tl_ranks_open, "PMI_SIZE says that 3 processes were started together", &ranks, &said);
    assert_null(ranks);
    assert_says(said.text, "/nonexistent/module.so");
    setenv("TRANSLUTION_MPI_MODULE", "libm.so.6", 1); /* a library, but no module */
    WRONG(tl_ranks_open, "cannot be loaded", &ranks, &said);
}

static void options_are_checked(void **unused)
{
    tl_ranks *ranks = (tl_ranks *)&ranks;
    tl_ranks_options o = {.size = sizeof o, .timeout = -1};
    WRONG(tl_ranks_open_with, "place for their handle", &o, NULL, &said);
    WRONG(tl_ranks_open_with, "timeout", &o, &ranks, &said);
    assert_null(ranks);
    o.timeout = (double)NAN;
    WRONG(tl_ranks_open_with, "timeout", &o, &ranks, &said);
    WRONG(tl_ranks_open_with, "size", &(tl_ranks_options){0}, &ranks, &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_else_takes_part),
                                       cmocka_unit_test(the_others_cannot_be_found),
                                       cmocka_unit_test(options_are_checked)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
