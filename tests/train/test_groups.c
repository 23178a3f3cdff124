/* Work-groups of a training step on devices of many compute units, counted on a dry context: whatever takes more than a
 * hundredth of a step has some for every unit. Prints the table of what takes so much. */
#include "test.h"

#include "core/choices.h"
#include "train/every_program.h"

enum { MOST_ROWS = 512, FLOATS_WIDE = 8 };

/* What a device computes while it moves a byte: a launch takes the longer of the two. */
static const double FLOPS_A_BYTE = 16.0;
static const double LEAST_SHARE = 0.01;

typedef struct device {
    const char *name;
    tl_kernel_path path;
    uint32_t units;
    uint64_t least;       /* groups a launch */
    uint64_t chunk_bytes; /* as a run on it has */
} device;

static const device devices[] = {
    {"CPU, 64 units", TL_PATH_CPU, 64, 4 * 64, 0},
    {"CPU, 128 units", TL_PATH_CPU, 128, 4 * 128, 0},
    {"GPU, 132 units", TL_PATH_GPU, 132, 2 * 132, 512 << 20},
};

typedef struct step {
    const char *name, *task;
    tl_op_kind op;
    uint32_t batch;
} step;

static const step steps[] = {
    {"attention, 64", "mnist", TL_OP_ATTENTION, 64},
    {"attention, 256", "mnist", TL_OP_ATTENTION, 256},
    {"alpha, 64", "mnist", TL_OP_ALPHA, 64},
    {"alpha, 256", "mnist", TL_OP_ALPHA, 256},
    {"translution, 64", "mnist", TL_OP_TRANSLUTION, 64},
    {"translution, 256", "mnist", TL_OP_TRANSLUTION, 256},
    {"GPT attention, 8", "gpt", TL_OP_ATTENTION, 8},
    {"GPT alpha, 8", "gpt", TL_OP_ALPHA, 8},
    {"GPT translution, 8", "gpt", TL_OP_TRANSLUTION, 8},
};

/* Launches of one kernel with equally many groups. */
typedef struct count_row {
    char kernel[64];
    uint64_t groups, launches;
    double cost;
} count_row;

typedef struct counts {
    count_row rows[MOST_ROWS];
    int used;
    double cost;
} counts;

typedef struct shortfall {
    const char *device, *step, *kernel;
    uint64_t groups;
} shortfall;

/* Kernels that have fewer groups than they should, with the number that they have: the test fails when one has fewer, and when
 * one has more, until its line is changed or removed. */
static const shortfall shortfalls[] = {
#include "few_groups.inc"
};
enum { SHORTFALLS = sizeof shortfalls / sizeof *shortfalls };
static bool seen[SHORTFALLS];

static void count_launch(void *user, const char *kernel, const tli_launch *launch)
{
    counts *c = user;
    const uint64_t groups = launch->groups[0] * launch->groups[1] * launch->groups[2];
    int i = 0;
    while (i < c->used && (strcmp(c->rows[i].kernel, kernel) != 0 || c->rows[i].groups != groups)) i++;
    assert_true(i < MOST_ROWS);
    count_row *row = &c->rows[i];
    if (i == c->used) {
        *row = (count_row){.groups = groups};
        snprintf(row->kernel, sizeof row->kernel, "%s", kernel);
        c->used++;
    }
    const double cost = fmax(launch->flops / FLOPS_A_BYTE, launch->bytes);
    row->launches++;
    row->cost += cost;
    c->cost += cost;
}

static void count_step(const device *d, const step *s, counts *c)
{
    const tl_context_options options = {.size = sizeof options, .path = d->path, .gemm = TL_GEMM_OWN};
    tl_context *ctx = NULL;
    tl_settings settings;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    assert_true(tl_settings_default(&settings, s->task));
    settings.model.op = s->op;
    settings.training.batch_size = s->batch;
    settings.model.chunk_bytes = d->chunk_bytes;
    *c = (counts){.used = 0};
    assert_int_equal(tli_context_dry(ctx, NULL, NULL), TL_OK);
    tli_context_dry_launches(ctx, d->units, count_launch, c);
    if (tli_dry_steps(ctx, &settings, s->batch) != TL_OK) fail_msg("%s", tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
}
#define count_step(...) FROM_HERE(count_step(__VA_ARGS__))

static bool is_known(const device *d, const step *s, const count_row *row)
{
    for (int i = 0; i < SHORTFALLS; i++) {
        const shortfall *known = &shortfalls[i];
        if (strcmp(known->device, d->name) == 0 && strcmp(known->step, s->name) == 0 &&
            strcmp(known->kernel, row->kernel) == 0 && known->groups == row->groups)
            return seen[i] = true;
    }
    return false;
}

/* Prints the kernels that count; returns how many of them have too few groups and are not known to. */
static int check_step(const device *d, const step *s, const counts *c)
{
    int bad = 0;
    for (int i = 0; i < c->used; i++) {
        const count_row *row = &c->rows[i];
        const double share = row->cost / c->cost;
        const bool few = row->groups < d->least;
        if (share <= LEAST_SHARE) continue;
        printf("| %s | %s | %s | %llu%s | %llu | %.1f %% |\n", d->name, s->name, row->kernel,
               (unsigned long long)row->groups, few ? " (few)" : "", (unsigned long long)row->launches,
               100 * share);
        if (few && !is_known(d, s, row)) bad++;
    }
    return bad;
}

static void every_unit_has_groups(void **unused)
{
    (void)unused;
    static counts c;
    int bad = 0;
    printf("| device | step, batch | kernel | groups | launches | share |\n|---|---|---|---|---|---|\n");
    for (int d = 0; d < (int)(sizeof devices / sizeof *devices); d++)
        for (int s = 0; s < (int)(sizeof steps / sizeof *steps); s++) {
            count_step(&devices[d], &steps[s], &c);
            assert_true(c.cost > 0);
            bad += check_step(&devices[d], &steps[s], &c);
        }
    for (int i = 0; i < SHORTFALLS; i++) {
        if (seen[i]) continue;
        printf("no longer so: on a %s, in a step of %s, %s has %llu groups\n", shortfalls[i].device,
               shortfalls[i].step, shortfalls[i].kernel, (unsigned long long)shortfalls[i].groups);
        bad++;
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    setenv("TRANSLUTION_VECTOR_WIDTH", "8", 1); /* on which the CPU form's tiles depend */
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_unit_has_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
