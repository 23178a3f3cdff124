/* Shares of a registry: they cover it once, nearly equal, and the gradient's norm has the same partial sums in all of them as
 * in one process; which rank has which as gradients are added. */
#include "context.h"

#include "ops/clip.h"
#include "train/grad_clip.h"
#include "train/grad_exchange.h"
#include "train/shares.h"

/* Parameters of odd sizes, less and more than a partial sum's piece; a table that may be of several shards. */
static void fill(tli_registry *r)
{
    assert_int_equal(tli_registry_add(r, "bias", TLI_INIT_ZERO, 0, 1, (const uint64_t[]){7}), 0);
    assert_int_equal(tli_registry_add(r, "table", TLI_INIT_UNIFORM, 1, 3, (const uint64_t[]){9, 50, 90}), 1);
    assert_int_equal(tli_registry_add(r, "matrix", TLI_INIT_UNIFORM, 1, 2, (const uint64_t[]){100, 101}), 2);
    assert_int_equal(tli_registry_add(r, "last", TLI_INIT_ZERO, 0, 1, (const uint64_t[]){1}), 3);
}
#define fill(...) FROM_HERE(fill(__VA_ARGS__))

static void shares_cover_the_registry_once(void **unused)
{
    enum { SHARDED = 18000 * 4 }; /* bytes of four leads of the table */
    for (int sharded = 0; sharded < 2; sharded++)
        for (int count = 1; count <= 16; count *= 2) {
            tli_registry r = {0};
            tli_shares shares;
            tl_error err = {0};
            const uint64_t most = sharded ? SHARDED : UINT64_MAX;
            fill(&r);
            assert_int_equal(tli_shares_create(&r, count, most, &shares, &err), TL_OK);
            assert_int_equal(shares.cuts[0], 0);
            assert_int_equal(shares.cuts[count], 7 + 9 * 50 * 90 + 100 * 101 + 1);
            assert_int_equal(shares.sums[count], sharded ? 1 + 3 * 4 + 3 + 1 : 1 + 10 + 3 + 1);
            uint64_t largest = 0, covered[4] = {0};
            for (int k = 0; k < count; k++) {
                const uint64_t elements = shares.cuts[k + 1] - shares.cuts[k];
                assert_true(shares.cuts[k + 1] >= shares.cuts[k]);
                if (elements > largest) largest = elements;
                uint64_t sum = 0;
                r.share_begin = shares.cuts[k], r.share_end = shares.cuts[k + 1];
                for (int i = 0; i < r.count; i++) {
                    uint64_t first, own = tli_registry_shared(&r, i, &first);
                    assert_true(own == 0 || first == covered[i]);
                    covered[i] += own;
                    sum += own;
                }
                assert_int_equal(sum, elements);
            }
            for (int i = 0; i < r.count; i++) assert_int_equal(covered[i], tli_parameter_count(&r.items[i]));
            assert_int_equal(tli_shares_largest(&shares), largest);
            assert_true(largest <= shares.cuts[count] / (uint64_t)count + TLI_SQUARES_PIECE);
            tli_shares_free(&shares);
            tli_registry_free(NULL, &r);
        }
}

/* Whose partial sums are put together as one process's, of tensors of one and of several shards. */
static void norms_have_the_same_parts(void **unused)
{
    enum { RANKS = 4 };
    for (int sharded = 0; sharded < 2; sharded++) {
        const tl_context_options options = {.size = sizeof options, .max_alloc_bytes = sharded ? 72000 : 0};
        tl_context *ctx = NULL;
        tli_registry r = {0};
        tli_grad_clip clip = {0};
        tli_shares shares;
        tl_error err = {0};
        if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
        const uint64_t most = tli_context_limits(ctx)->max_alloc_bytes;
        fill(&r);
        MUST(ctx, tli_registry_allocate(ctx, &r, true));
        for (int i = 0; i < r.count; i++) {
            float *values = calloc(tli_parameter_count(&r.items[i]), sizeof *values);
            assert_non_null(values);
            for (uint64_t e = 0; e < tli_parameter_count(&r.items[i]); e++)
                values[e] = 1.0f / (float)(3 + (e * 7919 + (uint64_t)i) % 1000);
            MUST(ctx, tl_tensor_write(ctx, r.items[i].gradient, 0, tli_parameter_count(&r.items[i]), values));
            free(values);
        }
        assert_int_equal(r.items[1].gradient->shards > 1, sharded);
        MUST(ctx, tli_grad_clip_create(ctx, &r, 1, &clip));
        MUST(ctx, tli_grad_clip_measure(ctx, &clip, &r));
        float *whole = download(ctx, clip.partial);
        assert_int_equal(tli_shares_create(&r, RANKS, most, &shares, &err), TL_OK);
        assert_int_equal(shares.sums[RANKS], clip.count);
        for (int k = RANKS - 1; k >= 0; k--) {
            MUST(ctx, tli_zero(ctx, tli_at(clip.partial, 0), clip.count));
            r.share_begin = shares.cuts[k], r.share_end = shares.cuts[k + 1];
            MUST(ctx, tli_grad_clip_measure(ctx, &clip, &r));
            float *part = download(ctx, clip.partial);
            for (uint64_t i = 0; i < clip.count; i++) {
                const bool own = i >= shares.sums[k] && i < shares.sums[k + 1];
                assert_true(part[i] == (own ? whole[i] : 0.0f));
            }
            free(part);
        }
        free(whole);
        tli_shares_free(&shares);
        tli_grad_clip_destroy(ctx, &clip);
        tli_registry_free(ctx, &r);
        tl_context_destroy(ctx);
    }
}

/* At every level partners split what both hold, so that in the end each rank has one share, and each share one rank. */
static void ranks_halve_what_they_hold(void **unused)
{
    for (int ranks = 1; ranks <= 16; ranks *= 2) {
        bool taken[16] = {false};
        for (int rank = 0; rank < ranks; rank++) {
            for (int width = 1; width < ranks; width *= 2) {
                const tli_held_shares held = tli_shares_held(ranks, rank, width),
                                      kept = tli_shares_held(ranks, rank, 2 * width),
                                      given = tli_shares_held(ranks, rank ^ width, 2 * width);
                assert_int_equal(held.count, kept.count + given.count);
                assert_int_equal(held.first, kept.first < given.first ? kept.first : given.first);
                assert_int_equal(kept.first < given.first, (rank & width) == 0);
            }
            const int own = tli_shares_of(ranks, rank);
            assert_false(taken[own]);
            taken[own] = true;
            assert_int_equal(tli_shares_of(ranks, own), rank);
        }
    }
}

/* What a rank sends of gradients and then of values is what docs/ranks.md says. */
static void two_of_everything_travel_at_most(void **unused)
{
    for (int ranks = 2; ranks <= 16; ranks *= 2) {
        tli_registry r = {0};
        tli_shares shares;
        tl_error err = {0};
        fill(&r);
        assert_int_equal(tli_shares_create(&r, ranks, UINT64_MAX, &shares, &err), TL_OK);
        const double all = (double)tli_registry_count(&r), want = 2 * all * (ranks - 1) / ranks;
        for (int rank = 0; rank < ranks; rank++) {
            const double sent = (double)tli_grad_exchange_traffic(&shares, rank, false).bytes / sizeof(float);
            assert_between(sent, want - 2 * ranks * TLI_SQUARES_PIECE, want + 2 * ranks * TLI_SQUARES_PIECE);
        }
        tli_shares_free(&shares);
        tli_registry_free(NULL, &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_cover_the_registry_once), cmocka_unit_test(norms_have_the_same_parts),
        cmocka_unit_test(ranks_halve_what_they_hold), cmocka_unit_test(two_of_everything_travel_at_most)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
