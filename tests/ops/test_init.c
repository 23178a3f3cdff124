/* Initial values drawn on the device equal the host's, bit for bit, whatever the sizes and shards. */
#include "rows.h"

#include "ops/init.h"

static void uniform_of_at(const char *file, int line, tl_context *ctx, uint64_t lead, uint64_t row,
                          uint64_t first_shard)
{
    const uint64_t seed = 0x123456789abcdef0u, stream = tli_random_stream("init/head.weight");
    const float bound = 0.07216878f;
    /* Two tensors that play the shards of one; the second often starts inside a Philox block. */
    tl_tensor *parts[2] = {upload(ctx, NULL, first_shard, row), NULL};
    if (lead > first_shard) parts[1] = upload(ctx, NULL, lead - first_shard, row);
    tli_mem mem[2] = {parts[0]->mem[0], parts[1] != NULL ? parts[1]->mem[0] : NULL};
    tl_tensor tensor = {.name = "split",
                        .lead = lead,
                        .row = row,
                        .lead_per_shard = first_shard,
                        .shards = parts[1] != NULL ? 2 : 1,
                        .mem = mem};
    MUST(ctx, tli_init_uniform(ctx, &tensor, bound, seed, stream));
    tli_random r = tli_random_make(seed, stream);
    for (int s = 0; s < tensor.shards; s++) {
        float *got = download(ctx, parts[s]);
        const uint64_t count = parts[s]->lead * row;
        for (uint64_t i = 0; i < count; i++) {
            const float want = bound * (2 * tli_random_uniform(&r) - 1);
            if (memcmp(&got[i], &want, sizeof want) != 0)
                fail_at(file, line, "shard %d element %llu is %.9g, not %.9g", s, (unsigned long long)i,
                        got[i], want);
        }
        free(got);
    }
    MUST(ctx, tli_init_constant(ctx, &tensor, 1.5f));
    for (int s = 0; s < tensor.shards; s++) {
        float *got = download(ctx, parts[s]);
        for (uint64_t i = 0; i < parts[s]->lead * row; i++) assert_true(got[i] == 1.5f);
        free(got);
        tl_tensor_destroy(ctx, parts[s]);
    }
}
#define uniform_of(...) uniform_of_at(HERE, __VA_ARGS__)

static void device_draws_as_the_host(tl_context *ctx)
{
    uniform_of(ctx, 1, 1, 1);
    uniform_of(ctx, 13, 1, 13);
    uniform_of(ctx, 5, 7, 3);
    uniform_of(ctx, 2, 1, 1);
    uniform_of(ctx, 3, 2, 2);
    uniform_of(ctx, 101, 1031, 51);
}
ON_BOTH_PATHS(device_draws_as_the_host)

/* Element indices past 2^34 come from the upper half of the counter: the kernel alone, as no test has 64 GiB. */
static void far_from(tl_context *ctx, uint64_t first, uint64_t count)
{
    const uint32_t block = 1024, items = tli_context_limits(ctx)->row_group;
    tl_tensor *t = upload(ctx, NULL, 1, count);
    tli_kernel *kernel;
    MUST(ctx, tli_kernel_get(ctx, "init", "init_uniform", "", &kernel));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, items), TLI_ARG_VIEW(tli_at(t, 0)), TLI_ARG_U64(first),
                         TLI_ARG_U64(count), TLI_ARG_U64(9), TLI_ARG_U64(8), TLI_ARG_F32(1.0f),
                         TLI_ARG_U32(block)));
    float *got = download(ctx, t);
    tli_random r = {.seed = 9, .stream = 8, .index = first};
    for (uint64_t i = 0; i < count; i++) assert_true(got[i] == 2 * tli_random_uniform(&r) - 1);
    free(got);
    tl_tensor_destroy(ctx, t);
}
#define far_from(...) FROM_HERE(far_from(__VA_ARGS__))

static void indices_past_2_to_the_34(tl_context *ctx)
{
    far_from(ctx, (1ull << 34) + 3, 11);
    far_from(ctx, (1ull << 34) - 57, 203); /* the carry falls between blocks drawn at once */
}
ON_BOTH_PATHS(indices_past_2_to_the_34)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(device_draws_as_the_host),
                                       BOTH_PATHS(indices_past_2_to_the_34)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
