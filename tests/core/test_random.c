/* Random streams: against a second Philox, itself held to Random123's published vectors, and by the
 * statistics of what is drawn. */
#include "test.h"

#include "core/random.h"

/* ---- the words ---------------------------------------------------------------------------------------- */

/* Philox 4x32-10 after Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), section 3.3. */
static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b,
                                  (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
        memcpy(c, next, sizeof next);
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
}

/* The known answers that come with Random123: {counter, key, result}. */
static void reference_is_philox(void **state)
{
    static const uint32_t known[][10] = {{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                         {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                          0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
                                          0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t c[4];
        memcpy(c, known[i], sizeof c);
        philox(c, known[i][4], known[i][5]);
        assert_memory_equal(c, known[i] + 6, sizeof c);
    }
}

static uint32_t expected(uint64_t seed, uint64_t stream, uint64_t index)
{
    const uint64_t block = index / 4;
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    return c[index % 4];
}

static void words(void **state)
{
    assert_int_equal(tli_random_word(0, 0, 0), 0x6627e8d5);
    assert_int_equal(tli_random_word(0, 0, 3), 0x9b00dbd8);
    static const uint64_t seeds[] = {0, 1, 0x100000000u, 0xfedcba9876543210u};
    static const uint64_t streams[] = {0, 7, 0xabcdef0100000000u, 0x0123456789abcdefu};
    static const uint64_t starts[] = {0, 4093, 0x3fffffffcu, 0x3ffffffffu, UINT64_MAX - 20};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            for (size_t k = 0; k < 5; k++)
                for (uint64_t n = 0; n < 11; n++)
                    assert_int_equal(tli_random_word(seeds[i], streams[j], starts[k] + n),
                                     expected(seeds[i], streams[j], starts[k] + n));
}

static void drawing_walks_the_stream(void **state)
{
    tli_random r = tli_random_make(42, 99);
    for (uint64_t i = 0; i < 37; i++) assert_int_equal(tli_random_u32(&r), tli_random_word(42, 99, i));
    assert_int_equal(r.index, 37);
    assert_int_equal(r.seed, 42);
    assert_int_equal(r.stream, 99);
}

/* FNV-1a's published vectors. */
static void stream_numbers(void **state)
{
    assert_true(tli_random_stream("") == 0xcbf29ce484222325u);
    assert_true(tli_random_stream("a") == 0xaf63dc4c8601ec8cu);
    assert_true(tli_random_stream("foobar") == 0x85944171f73967e8u);
    assert_true(tli_random_stream("\xff") ==
                (0xcbf29ce484222325u ^ 0xffu) * 0x100000001b3u); /* not sign-extended */
}

/* ---- what is made of them -------------------------------------------------------------------------------
 */

static void uniforms(void **state)
{
    enum { COUNT = 200000, BINS = 100 };
    tli_random r = tli_random_make(5, 6);
    int bins[BINS] = {0};
    for (int i = 0; i < COUNT; i++) {
        const float x = tli_random_uniform(&r);
        const uint32_t word = tli_random_word(5, 6, (uint64_t)i);
        assert_true(x >= 0.0f);
        assert_true(x < 1.0f);
        assert_true((double)x * 16777216.0 == (double)(word >> 8));
        bins[(int)(x * BINS)]++;
    }
    double chi2 = 0;
    for (int b = 0; b < BINS; b++) chi2 += pow(bins[b] - (double)COUNT / BINS, 2) / ((double)COUNT / BINS);
    assert_true(chi2 > 50);
    assert_true(chi2 < 160); /* 99 degrees of freedom: mean 99, deviation 14 */
}

static void normals(void **state)
{
    enum { COUNT = 200000 };
    tli_random r = tli_random_make(7, 8);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbours = 0, last = 0;
    int beyond2 = 0;
    for (int i = 0; i < COUNT; i++) {
        const double x = tli_random_normal(&r);
        assert_true(isfinite(x));
        assert_true(fabs(x) < 7);
        m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x, neighbours += x * last;
        beyond2 += fabs(x) > 2;
        last = x;
    }
    /* five standard errors each: sqrt(Var / COUNT) with Var 1, 2, 15, 96 and 1 */
    const double error = 5 / sqrt(COUNT);
    assert_true(fabs(m1 / COUNT) < error);
    assert_true(fabs(m2 / COUNT - 1) < error * sqrt(2));
    assert_true(fabs(m3 / COUNT) < error * sqrt(15));
    assert_true(fabs(m4 / COUNT - 3) < error * sqrt(96));
    assert_true(fabs(neighbours / COUNT) < error);
    assert_true(fabs((double)beyond2 / COUNT - 0.0455003) < error * 0.21);
    assert_int_equal(r.index, 2 * COUNT); /* two words each: the device draws the same */
}

static void below(void **state)
{
    enum { COUNT = 70000, N = 7 };
    tli_random r = tli_random_make(9, 10);
    int hits[N] = {0};
    for (int i = 0; i < COUNT; i++) {
        const uint32_t x = tli_random_below(&r, N);
        assert_true(x < N);
        hits[x]++;
    }
    double chi2 = 0;
    for (int b = 0; b < N; b++) chi2 += pow(hits[b] - COUNT / N, 2) / (COUNT / N);
    assert_true(chi2 < 28); /* 6 degrees of freedom: five deviations */
    for (int i = 0; i < 10; i++) assert_int_equal(tli_random_below(&r, 1), 0);
}

/* With n = 3·2^30 a word taken modulo n, or scaled without rejection, would hit a third of the range half of
 * the time. */
static void below_has_no_bias(void **state)
{
    enum { COUNT = 30000 };
    const uint32_t n = 3u << 30;
    tli_random r = tli_random_make(11, 12);
    int thirds[3] = {0}, residues[3] = {0};
    for (int i = 0; i < COUNT; i++) {
        const uint32_t x = tli_random_below(&r, n);
        assert_true(x < n);
        thirds[x / (1u << 30)]++;
        residues[x % 3]++;
    }
    for (int b = 0; b < 3; b++) {
        assert_true(abs(thirds[b] - COUNT / 3) < 410); /* deviation 82 */
        assert_true(abs(residues[b] - COUNT / 3) < 410);
    }
    assert_true(r.index > COUNT); /* a quarter of the words was rejected */
    const uint32_t top = UINT32_MAX;
    for (int i = 0; i < 100; i++) assert_true(tli_random_below(&r, top) < top);
}

static void permutations(void **state)
{
    enum { N = 97 };
    uint32_t a[N], b[N], c[N];
    bool seen[N] = {false};
    tli_random r = tli_random_make(13, 14), again = tli_random_make(13, 14);
    tli_random_permutation(&r, a, N);
    tli_random_permutation(&again, b, N);
    assert_memory_equal(a, b, sizeof a);
    tli_random_permutation(&r, c, N);
    assert_memory_not_equal(a, c, sizeof a);
    for (int i = 0; i < N; i++) {
        assert_true(a[i] < N);
        assert_true(!seen[a[i]]);
        seen[a[i]] = true;
    }
    uint32_t one = 5;
    tli_random_permutation(&r, &one, 1);
    assert_int_equal(one, 0);
    tli_random_permutation(&r, &one, 0);
    assert_int_equal(one, 0);
}

/* All 24 orders of four things come equally often. */
static void permutations_are_fair(void **state)
{
    enum { COUNT = 24000 };
    int hits[256] = {0}, orders = 0;
    tli_random r = tli_random_make(15, 16);
    for (int i = 0; i < COUNT; i++) {
        uint32_t p[4];
        tli_random_permutation(&r, p, 4);
        hits[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        if (hits[i] == 0) continue;
        orders++;
        assert_true(abs(hits[i] - COUNT / 24) < 160); /* deviation 31 */
    }
    assert_int_equal(orders, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_is_philox),
                                       cmocka_unit_test(words),
                                       cmocka_unit_test(drawing_walks_the_stream),
                                       cmocka_unit_test(stream_numbers),
                                       cmocka_unit_test(uniforms),
                                       cmocka_unit_test(normals),
                                       cmocka_unit_test(below),
                                       cmocka_unit_test(below_has_no_bias),
                                       cmocka_unit_test(permutations),
                                       cmocka_unit_test(permutations_are_fair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
