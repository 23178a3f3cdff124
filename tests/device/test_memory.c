/* Tensors: how they split into shards, what they hold, how they are counted and when they are refused. */
#include "context.h"

#include "device/device.h"

static tl_context *make_context(uint64_t memory_limit, uint64_t max_alloc_bytes)
{
    const tl_context_options options = {
        .size = sizeof options, .memory_limit = memory_limit, .max_alloc_bytes = max_alloc_bytes};
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    return ctx;
}
#define make_context(...) VALUE_FROM_HERE(make_context(__VA_ARGS__))

static tl_tensor *make(tl_context *ctx, const char *name, tl_memory_kind kind, uint64_t lead, uint64_t row)
{
    tl_tensor *tensor = NULL;
    MUST(ctx, tl_tensor_create(ctx, name, kind, lead, row, &tensor));
    return tensor;
}
#define make(...) VALUE_FROM_HERE(make(__VA_ARGS__))

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("\"%s\" does not say \"%s\"", text, part);
}
#define has(...) FROM_HERE(has(__VA_ARGS__))

/* ---- shards, by arithmetic alone -------------------------------------------------------------------------
 */

static void splits(void **state)
{
    const uint64_t GIB = 1u << 30, huge = (uint64_t)1 << 40;
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 100, huge) == 10);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, GIB / 4, huge) == 1);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 100, 4000) == 10);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 100, 3999) ==
                5); /* nine would fit: five and five */
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 11, 100, 3999) == 6);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 100, 400) == 1);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 100, 399) == 0); /* not even one */
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, 100, 399) == 0);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, 100, 0) == 0);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 0, 100, huge) == 0);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 10, 0, huge) == 0);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 4, GIB / 4, huge) ==
                1); /* shards of 1 GiB even where more would go */
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 5, GIB / 8, huge) == 2);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 3, GIB, huge) ==
                1); /* a row of 4 GiB cannot be split: allowed */
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, 2 * GIB - 1, huge) == 1);
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, 2 * GIB, huge) ==
                0); /* 2^31 elements in one buffer: never */
    assert_true(tli_tensor_lead_per_shard(TLI_DTYPE_F32, 1, UINT64_MAX, UINT64_MAX) == 0);
}

/* What a tensor books and what a file says of its elements follow from one width. */
static void element_widths(void **unused)
{
    assert_int_equal(tli_element_bytes(TLI_DTYPE_F32), sizeof(float));
    tl_context *ctx = make_context(0, 0);
    tl_tensor *t = NULL;
    MUST(ctx, tl_tensor_create(ctx, "t", TL_MEMORY_DATA, 3, 5, &t));
    assert_int_equal(t->dtype, TLI_DTYPE_F32);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_DATA), 15 * tli_element_bytes(t->dtype));
    tl_context_destroy(ctx);
}

/* The largest tensor of the paper, W of C/16: 27 * 27 * 384 * 384 floats; and every property over a sweep. */
static void splits_cover(void **state)
{
    static const uint64_t leads[] = {1, 2, 3, 7, 53, 729, 732, 100003}, rows[] = {1, 3, 1000, 147456},
                          limits[] = {4, 4096, 589824, 589828, 10000000, 1u << 30, (uint64_t)1 << 36};
    for (size_t l = 0; l < sizeof leads / sizeof leads[0]; l++)
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
            for (size_t m = 0; m < sizeof limits / sizeof limits[0]; m++) {
                const uint64_t lead = leads[l], row = rows[r], limit = limits[m];
                const uint64_t per = tli_tensor_lead_per_shard(TLI_DTYPE_F32, lead, row, limit);
                assert_true((per == 0) == (row * 4 > limit));
                if (per == 0) continue;
                assert_true(per <= lead);
                assert_true(per * row * 4 <= limit);
                assert_true(per * row * 4 <= 1u << 30);
                const uint64_t fit = (limit < 1u << 30 ? limit : 1u << 30) / 4 / row;
                assert_true((lead + per - 1) / per ==
                            (lead + fit - 1) / fit); /* no more shards than needed */
            }
}

/* ---- contents
 * ---------------------------------------------------------------------------------------------- */

static void fill(uint32_t *values, uint64_t count, uint32_t salt)
{
    for (uint64_t i = 0; i < count; i++) values[i] = (uint32_t)(i * 2654435761u) ^ salt;
}

static void zeros_then_values(void **state)
{
    enum { LEAD = 7, ROW = 5, COUNT = LEAD * ROW };
    /* one shard; shards of 3, 3 and 1 leads; a shard a lead */
    static const uint64_t limits[] = {0, 3 * ROW * 4 + 3, ROW * 4};
    static const int shards[] = {1, 3, 7};
    for (size_t m = 0; m < 3; m++) {
        tl_context *ctx = make_context(0, limits[m]);
        tl_tensor *t = make(ctx, "t", TL_MEMORY_PARAMETER, LEAD, ROW);
        uint32_t expected[COUNT], got[COUNT];
        assert_int_equal(t->shards, shards[m]);
        assert_string_equal(t->name, "t");
        memset(expected, 0, sizeof expected);
        memset(got, 0xff, sizeof got);
        MUST(ctx, tl_tensor_read(ctx, t, 0, COUNT, got));
        assert_memory_equal(got, expected, sizeof got);

        fill(expected, COUNT, 17);
        MUST(ctx, tl_tensor_write(ctx, t, 0, COUNT, expected));
        /* every range reads back as it stands, and every range can be written alone */
        for (uint64_t at = 0; at <= COUNT; at++)
            for (uint64_t count = 0; count <= COUNT - at; count++) {
                memset(got, 0xff, sizeof got);
                MUST(ctx, tl_tensor_read(ctx, t, at, count, got));
                assert_memory_equal(got, expected + at, count * 4);
                for (uint64_t i = count; i < COUNT; i++) assert_int_equal(got[i], 0xffffffff);
            }
        for (uint64_t at = 0; at < COUNT; at += 3) {
            uint32_t values[COUNT];
            const uint64_t count = (COUNT - at) / 2 + 1;
            fill(values, count, (uint32_t)at + 1);
            MUST(ctx, tl_tensor_write(ctx, t, at, count, values));
            memcpy(expected + at, values, count * 4);
            MUST(ctx, tl_tensor_read(ctx, t, 0, COUNT, got));
            assert_memory_equal(got, expected, sizeof got);
        }
        tl_context_destroy(ctx);
    }
}

static void shard_views(void **state)
{
    enum { LEAD = 7, ROW = 5 };
    tl_context *ctx = make_context(0, 3 * ROW * 4);
    tl_tensor *t = make(ctx, "t", TL_MEMORY_PARAMETER, LEAD, ROW),
              *one = make(ctx, "one", TL_MEMORY_DATA, 1, ROW);
    for (uint64_t lead = 0; lead < LEAD; lead++) {
        uint64_t first = 99;
        const tli_view view = tli_shard(t, lead, &first);
        assert_true(first == lead / 3 * 3);
        assert_ptr_equal(view.mem, t->mem[lead / 3]);
        assert_true(view.at == 0);
        assert_ptr_equal(tli_shard(t, lead, NULL).mem, view.mem);
    }
    assert_null(tli_shard(t, 9, NULL).mem); /* behind the end */
    assert_null(tli_at(t, 0).mem);          /* no single buffer to point into */
    const tli_view at = tli_at(one, 2), more = tli_view_add(at, 2);
    assert_ptr_equal(at.mem, one->mem[0]);
    assert_true(at.dtype == TLI_DTYPE_F32);
    assert_true(more.dtype == at.dtype);
    assert_true(at.at == 2);
    assert_true(more.at == 4);
    assert_true(more.mem == at.mem);

    /* a view of a shard reaches the elements that the tensor has there */
    uint32_t values[LEAD * ROW], expected[LEAD * ROW];
    fill(values, LEAD * ROW, 3);
    memcpy(expected, values, sizeof values);
    MUST(ctx, tl_tensor_write(ctx, t, 0, LEAD * ROW, values));
    MUST(ctx, tli_zero(ctx, tli_view_add(tli_shard(t, 4, NULL), 1 * ROW + 2),
                       ROW)); /* lead 4 is second of shard 1 */
    memset(expected + 4 * ROW + 2, 0, ROW * 4);
    MUST(ctx,
         tli_copy(ctx, tli_view_add(tli_shard(t, 0, NULL), 1), tli_view_add(tli_shard(t, 6, NULL), 2), 3));
    memcpy(expected + 6 * ROW + 2, values + 1, 3 * 4);
    MUST(ctx, tl_tensor_read(ctx, t, 0, LEAD * ROW, values));
    assert_memory_equal(values, expected, sizeof values);
    tl_context_destroy(ctx);
}

/* Every start and length: the fill has an aligned and a plain way. */
static void zeroing(void **state)
{
    enum { COUNT = 140 };
    tl_context *ctx = make_context(0, 0);
    tl_tensor *t = make(ctx, "t", TL_MEMORY_WORKSPACE, 1, COUNT);
    static const uint64_t starts[] = {0, 1, 31, 32, 33, 64, 96}, lengths[] = {0, 1, 4, 31, 32, 33, 44, 64};
    uint32_t values[COUNT], expected[COUNT], got[COUNT];
    fill(values, COUNT, 0x80000001u);
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            if (starts[s] + lengths[l] > COUNT) continue;
            memcpy(expected, values, sizeof values);
            memset(expected + starts[s], 0, lengths[l] * 4);
            MUST(ctx, tl_tensor_write(ctx, t, 0, COUNT, values));
            MUST(ctx, tli_zero(ctx, tli_at(t, starts[s]), lengths[l]));
            MUST(ctx, tl_tensor_read(ctx, t, 0, COUNT, got));
            assert_memory_equal(got, expected, sizeof got);
        }
    tl_context_destroy(ctx);
}

static void copying(void **state)
{
    enum { COUNT = 50 };
    tl_context *ctx = make_context(0, 0);
    tl_tensor *a = make(ctx, "a", TL_MEMORY_WORKSPACE, 1, COUNT),
              *b = make(ctx, "b", TL_MEMORY_WORKSPACE, 1, COUNT);
    uint32_t va[COUNT], vb[COUNT], got[COUNT];
    fill(va, COUNT, 1), fill(vb, COUNT, 2);
    MUST(ctx, tl_tensor_write(ctx, a, 0, COUNT, va));
    MUST(ctx, tl_tensor_write(ctx, b, 0, COUNT, vb));
    MUST(ctx, tli_copy(ctx, tli_at(a, 7), tli_at(b, 20), 11));
    MUST(ctx, tli_copy(ctx, tli_at(a, 0), tli_at(a, 30), 20)); /* within one buffer */
    MUST(ctx, tli_copy(ctx, tli_at(a, 0), tli_at(b, 0), 0));
    memcpy(vb + 20, va + 7, 11 * 4);
    memcpy(va + 30, va, 20 * 4);
    MUST(ctx, tl_tensor_read(ctx, a, 0, COUNT, got));
    assert_memory_equal(got, va, sizeof got);
    MUST(ctx, tl_tensor_read(ctx, b, 0, COUNT, got));
    assert_memory_equal(got, vb, sizeof got);

    assert_int_equal(tli_copy(ctx, tli_at(a, 0), tli_at(b, 40), 11), TL_ERROR_DEVICE); /* behind the end */
    has(tl_context_error(ctx)->text, "CL_INVALID_VALUE (-30)");
    has(tl_context_error(ctx)->text, "copying 11 elements");
    assert_int_equal(tli_copy(ctx, tli_at(a, 0), tli_at(a, 5), 11), TL_ERROR_DEVICE);
    has(tl_context_error(ctx)->text, "CL_MEM_COPY_OVERLAP (-8)");
    assert_int_equal(tli_zero(ctx, (tli_view){.mem = NULL, .at = 0}, 11), TL_ERROR_DEVICE);
    has(tl_context_error(ctx)->text, "CL_INVALID_MEM_OBJECT (-38)");
    tl_context_destroy(ctx);
}

static void ranges_are_checked(void **state)
{
    enum { LEAD = 4, ROW = 3, COUNT = LEAD * ROW };
    tl_context *ctx = make_context(0, 2 * ROW * 4);
    tl_tensor *t = make(ctx, "w.weight", TL_MEMORY_PARAMETER, LEAD, ROW);
    uint32_t buffer[COUNT + 1] = {0};
    static const uint64_t bad[][2] = {{0, COUNT + 1}, {COUNT, 1},      {1, COUNT},
                                      {COUNT + 1, 0}, {UINT64_MAX, 2}, {2, UINT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(tl_tensor_read(ctx, t, bad[i][0], bad[i][1], buffer), TL_ERROR_USAGE);
        has(tl_context_error(ctx)->text, "w.weight");
        assert_int_equal(tl_tensor_write(ctx, t, bad[i][0], bad[i][1], buffer), TL_ERROR_USAGE);
    }
    MUST(ctx, tl_tensor_read(ctx, t, COUNT, 0, buffer));
    tl_context_destroy(ctx);
}

/* ---- accounts and refusals
 * --------------------------------------------------------------------------------- */

static uint64_t all_used(const tl_context *ctx)
{
    uint64_t sum = 0;
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++) sum += tl_memory_used(ctx, (tl_memory_kind)kind);
    return sum;
}

static void accounts(void **state)
{
    tl_context *ctx = make_context(0, 0), *other = make_context(0, 0);
    assert_true(all_used(ctx) == 0);
    assert_true(tl_memory_peak(ctx) == 0);
    tl_tensor *a = make(ctx, "a", TL_MEMORY_PARAMETER, 10, 10),
              *b = make(ctx, "b", TL_MEMORY_PARAMETER, 5, 1),
              *c = make(ctx, "c", TL_MEMORY_ACTIVATION, 1, 100);
    assert_true(tl_memory_used(ctx, TL_MEMORY_PARAMETER) == 420);
    assert_true(tl_memory_used(ctx, TL_MEMORY_ACTIVATION) == 400);
    assert_true(all_used(ctx) == 820);
    assert_true(tl_memory_peak(ctx) == 820);
    tl_tensor_destroy(ctx, a); /* first, then middle, then last: all ways out of the list */
    assert_true(tl_memory_used(ctx, TL_MEMORY_PARAMETER) == 20);
    assert_true(all_used(ctx) == 420);
    assert_true(tl_memory_peak(ctx) == 820);
    tl_tensor *d = make(ctx, "d", TL_MEMORY_WORKSPACE, 1, 50);
    assert_true(all_used(ctx) == 620);
    assert_true(tl_memory_peak(ctx) == 820); /* a peak, not a sum */
    tl_tensor *e = make(ctx, "e", TL_MEMORY_DATA, 1, 100);
    assert_true(all_used(ctx) == 1020);
    assert_true(tl_memory_peak(ctx) == 1020);
    tl_tensor_destroy(ctx, d);
    tl_tensor_destroy(ctx, e);
    tl_tensor_destroy(ctx, b);
    tl_tensor_destroy(ctx, c);
    tl_tensor_destroy(ctx, NULL);
    assert_true(all_used(ctx) == 0);
    assert_true(tl_memory_peak(ctx) == 1020);
    assert_true(all_used(other) == 0);
    assert_true(tl_memory_peak(other) == 0);
    assert_true(tl_memory_used(ctx, TL_MEMORY_KINDS) == 0);
    make(ctx, "left behind", TL_MEMORY_DATA, 1, 1); /* freed with its context: LeakSanitizer looks */
    tl_context_destroy(ctx);
    tl_context_destroy(other);
}

static void kind_names(void **state)
{
    for (int i = 0; i < TL_MEMORY_KINDS; i++)
        for (int j = 0; j <= i; j++)
            assert_true((strcmp(tl_memory_kind_name((tl_memory_kind)i),
                                tl_memory_kind_name((tl_memory_kind)j)) == 0) == (i == j));
    assert_string_equal(tl_memory_kind_name(TL_MEMORY_PARAMETER), "parameters");
    assert_string_equal(tl_memory_kind_name(TL_MEMORY_ACTIVATION), "activations");
}

static void budget(void **state)
{
    const uint64_t mib = 1u << 18; /* elements */
    tl_context *ctx = make_context(4u << 20, 0);
    tl_tensor *a = make(ctx, "a", TL_MEMORY_PARAMETER, 1, 3 * mib), *b = a;
    assert_int_equal(tl_tensor_create(ctx, "blocks.0.out", TL_MEMORY_ACTIVATION, 1, mib + 1, &b),
                     TL_ERROR_MEMORY);
    assert_null(b);
    const char *text = tl_context_error(ctx)->text;
    has(text, "blocks.0.out");
    has(text, "activations");
    has(text, "needs 1.00 MiB");
    has(text, "3.00 of the 4.00 MiB");
    assert_true(all_used(ctx) == 3u << 20);
    assert_true(tl_memory_peak(ctx) == 3u << 20);     /* a refusal costs nothing */
    b = make(ctx, "b", TL_MEMORY_ACTIVATION, 1, mib); /* exactly full */
    assert_int_equal(tl_tensor_create(ctx, "c", TL_MEMORY_DATA, 1, 1, &(tl_tensor *){NULL}), TL_ERROR_MEMORY);
    tl_tensor_destroy(ctx, a);
    a = make(ctx, "a", TL_MEMORY_PARAMETER, 3, mib); /* freed memory can be had again */
    assert_true(all_used(ctx) == 4u << 20);
    tl_context_destroy(ctx);
}

static void wrong_sizes_are_refused(void **state)
{
    tl_context *ctx = make_context(0, 4u << 20);
    tl_tensor *t = NULL;
    assert_int_equal(tl_tensor_create(ctx, "scores", TL_MEMORY_ACTIVATION, 1, (1u << 20) + 1, &t),
                     TL_ERROR_MEMORY);
    has(tl_context_error(ctx)->text, "scores");
    has(tl_context_error(ctx)->text, "one buffer may hold 4.00 MiB");
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_PARAMETER, 0, 5, &t), TL_ERROR_USAGE);
    has(tl_context_error(ctx)->text, "tensor w is empty");
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_PARAMETER, 5, 0, &t), TL_ERROR_USAGE);
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_KINDS, 5, 5, &t), TL_ERROR_USAGE);
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_DATA, UINT64_MAX / 4, 5, &t), TL_ERROR_MEMORY);
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_DATA, (uint64_t)1 << 61, 1, &t), TL_ERROR_MEMORY);
    assert_int_equal(tl_tensor_create(ctx, "w", TL_MEMORY_DATA, (uint64_t)1 << 40, 1, &t), TL_ERROR_MEMORY);
    assert_null(t);
    assert_true(all_used(ctx) == 0);
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    t = make(ctx, name, TL_MEMORY_DATA, 1, 1); /* long names are cut */
    assert_int_equal(strlen(t->name), sizeof t->name - 1);
    tl_context_destroy(ctx);
}

/* What is sent is what was there at the call, whatever becomes of the source, and comes in the queue's order. */
static void sends(void **state)
{
    enum { COUNT = 3000, TIMES = 7, PER_SHARD = 700 };
    tl_context *ctx = make_context(0, PER_SHARD * 4);
    tl_tensor *target = make(ctx, "target", TL_MEMORY_DATA, COUNT, 1), *kept[TIMES];
    float source[COUNT], got[PER_SHARD];
    assert_true(target->shards > 3);
    for (int t = 0; t < TIMES; t++) {
        kept[t] = make(ctx, "kept", TL_MEMORY_WORKSPACE, 1, PER_SHARD);
        for (int i = 0; i < COUNT; i++) source[i] = (float)(t * COUNT + i);
        MUST(ctx, tli_tensor_write_async(ctx, target, 0, t % 2 == 0 ? COUNT : COUNT / 2, source));
        memset(source, 0xff, sizeof source);
        MUST(ctx, tli_copy(ctx, tli_shard(target, 0, NULL), tli_at(kept[t], 0), target->lead_per_shard));
    }
    for (int t = 0; t < TIMES; t++) {
        MUST(ctx, tl_tensor_read(ctx, kept[t], 0, target->lead_per_shard, got));
        for (uint64_t i = 0; i < target->lead_per_shard; i++)
            assert_true(got[i] == (float)(t * COUNT) + (float)i);
    }
    float *all = malloc(COUNT * sizeof *all);
    assert_non_null(all);
    MUST(ctx, tl_tensor_read(ctx, target, 0, COUNT, all));
    assert_true(all[COUNT - 1] == (float)(TIMES * COUNT - 1));
    free(all);
    assert_int_equal(tli_tensor_write_async(ctx, target, 1, COUNT, source), TL_ERROR_USAGE);
    MUST(ctx, tli_tensor_write_async(ctx, target, 0, COUNT, source));
    tl_tensor_destroy(ctx, target); /* on the way */
    tl_context_destroy(ctx);
}

/* The host reads what the device has computed, and the device what the host has written; of several shards. */
static void host_takes_tensors(void **unused)
{
    enum { COUNT = 3000, PER_SHARD = 700 };
    tl_context *ctx = make_context(0, PER_SHARD * 4);
    tl_tensor *t = make(ctx, "mapped", TL_MEMORY_GRADIENT, COUNT, 1);
    float values[COUNT];
    void *first = NULL;
    uint64_t left;
    /* no copies, but of Mesa, which maps by one even where the device is a processor */
    const bool in_place = tli_context_maps(ctx) &&
                          strcmp(tl_context_device(ctx)->platform_name, "rusticl") != 0;
    for (int i = 0; i < COUNT; i++) values[i] = (float)i;
    MUST(ctx, tl_tensor_write(ctx, t, 0, COUNT, values));
    for (int turn = 0; turn < 3; turn++) {
        MUST(ctx, tli_zero(ctx, tli_shard(t, 0, NULL), 32));
        MUST(ctx, tli_tensor_map(ctx, t));
        MUST(ctx, tli_tensor_map(ctx, t)); /* once is enough */
        MUST(ctx, tli_tensor_await_map(ctx, t));
        assert_true(tli_tensor_is_given(t));
        for (uint64_t at = 0; at < COUNT; at += left) {
            float *host = tli_tensor_host(t, at, &left);
            assert_true(left >= 1 && left <= PER_SHARD);
            for (uint64_t i = 0; i < left; i++) {
                assert_true(host[i] == (at + i < 32 ? 0 : (float)(at + i + (uint64_t)turn)));
                host[i] = (float)(at + i + (uint64_t)turn + 1);
            }
        }
        if (in_place && turn > 0) assert_ptr_equal(first, t->host[0]);
        first = t->host[0];
        MUST(ctx, tli_tensor_unmap(ctx, t));
        MUST(ctx, tli_tensor_unmap(ctx, t));
        assert_null(t->host);
        assert_false(tli_tensor_is_given(t));
    }
    MUST(ctx, tl_tensor_read(ctx, t, 0, COUNT, values));
    for (int i = 0; i < COUNT; i++) assert_true(values[i] == (float)(i + 3));
    MUST(ctx, tli_tensor_map(ctx, t));
    MUST(ctx, tl_finish(ctx));
    assert_true(tli_tensor_is_given(t));
    tl_tensor_destroy(ctx, t);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),         cmocka_unit_test(splits_cover),
        cmocka_unit_test(element_widths), cmocka_unit_test(zeros_then_values),
        cmocka_unit_test(shard_views),    cmocka_unit_test(zeroing),
        cmocka_unit_test(copying),        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(accounts),       cmocka_unit_test(kind_names),
        cmocka_unit_test(budget),         cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(sends),          cmocka_unit_test(host_takes_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
