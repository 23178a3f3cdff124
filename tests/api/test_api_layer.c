/* A layer as a program uses it: own offset tables against a loop over pairs, KV cache, inference, files. */
#include "values.h"

#include "files.h"

enum { HEIGHT = 2, WIDTH = 3, TOKENS = HEIGHT * WIDTH + 1, BATCH = 2, DIM = 5, HEADS = 2, HEAD_DIM = 3 };
enum { D = HEADS * HEAD_DIM, OFFSETS = (2 * HEIGHT - 1) * (2 * WIDTH - 1) + 3, LENGTH = 5 };

static tl_layer_config grid(void)
{
    return (tl_layer_config){.size = sizeof(tl_layer_config),
                             .op = TL_OP_TRANSLUTION,
                             .height = HEIGHT,
                             .width = WIDTH,
                             .cls = true,
                             .batch = BATCH,
                             .dim = DIM,
                             .heads = HEADS,
                             .head_dim = HEAD_DIM,
                             .relenc_dim = 2};
}

static tl_layer_config sequence(tl_op_kind op, tl_positions positions)
{
    tl_layer_config c = grid();
    c.op = op, c.positions = positions, c.head_dim = 4;
    c.height = 1, c.width = LENGTH, c.cls = false, c.causal = true;
    return c;
}

static tl_layer *layer_of(const tl_layer_config *config, uint64_t seed)
{
    tl_layer *layer = NULL;
    OK(tl_layer_create(ctx, config, seed, &layer));
    return layer;
}
#define layer_of(...) VALUE_FROM_HERE(layer_of(__VA_ARGS__))

/* ---- the loop over pairs ------------------------------------------------------------------------- */

/* Row of the key's and the value's table for query i and key j, as the header says: (dy, dx) is the way from the key
 * to the query. */
static int key_row(int i, int j)
{
    const int classes = OFFSETS - 3;
    if (i == 0 && j == 0) return classes;
    if (i == 0) return classes + 1;
    if (j == 0) return classes + 2;
    const int dy = (i - 1) / WIDTH - (j - 1) / WIDTH, dx = (i - 1) % WIDTH - (j - 1) % WIDTH;
    return (dy + HEIGHT - 1) * (2 * WIDTH - 1) + dx + WIDTH - 1;
}

static int mirrored_row(int i, int j)
{
    return key_row(j, i);
}

static int sequence_row(int i, int j)
{
    return i - j;
}

static int sequence_query_row(int i, int j)
{
    return LENGTH - 1 - (i - j);
}

static int pair_row(int i, int j)
{
    return i * TOKENS + j;
}

static int sequence_pair_row(int i, int j)
{
    return i * (i + 1) / 2 + j;
}

typedef int row_of(int i, int j);

/* Own values for the three tables, named q, k and v; freed by the caller. */
static void load_tables(tl_layer *layer, float *tables[3])
{
    static const char *const names[] = {"q", "k", "v"};
    for (int r = 0; r < 3; r++) {
        tl_parameter p;
        assert_true(tl_layer_parameter(layer, names[r], &p));
        assert_int_equal(p.rank, 3);
        assert_int_equal(p.shape[1], DIM);
        tables[r] = waves(100 + (uint32_t)r, elements_of(&p));
        OK(tl_tensor_write(ctx, p.value, 0, elements_of(&p), tables[r]));
    }
}
#define load_tables(...) FROM_HERE(load_tables(__VA_ARGS__))

/* Channel c of x_token of a sample times matrix `row` of a table [K][DIM][width]. */
static double product(const float *x, int token, int sample, const float *table, int row, int width, int c)
{
    double sum = 0;
    for (int k = 0; k < DIM; k++)
        sum += (double)x[(token * BATCH + sample) * DIM + k] * (double)table[(row * DIM + k) * width + c];
    return sum;
}

/* o of one query and one head: out_i = sum_j softmax_j(q_ij . k_ij / sqrt(d)) v_ij over keys 0 .. last. */
static void plain_query(const float *x, float *const tables[3], row_of *query, row_of *key, int i, int last,
                        int sample, int head, int d, float *o)
{
    double weights[16], sum = 0;
    const int width = HEADS * d, from = head * d;
    for (int j = 0; j <= last; j++) {
        double logit = 0;
        for (int c = from; c < from + d; c++)
            logit += product(x, i, sample, tables[0], query(i, j), width, c) *
                     product(x, j, sample, tables[1], key(i, j), width, c);
        sum += weights[j] = exp(logit / sqrt(d));
    }
    for (int c = from; c < from + d; c++) {
        double value = 0;
        for (int j = 0; j <= last; j++)
            value += weights[j] / sum * product(x, j, sample, tables[2], key(i, j), width, c);
        o[(i * BATCH + sample) * width + c] = (float)value;
    }
}

static void check_pairs(const tl_layer_config *config, row_of *query, row_of *key)
{
    const int tokens = (int)tl_layer_tokens(config), d = (int)config->head_dim;
    const uint64_t inputs = (uint64_t)tokens * BATCH * DIM,
                   outputs = (uint64_t)tokens * BATCH * HEADS * config->head_dim;
    tl_layer *layer = layer_of(config, 1);
    float *tables[3], *x = waves(1, inputs), *want = waves(2, outputs);
    load_tables(layer, tables);
    tl_tensor *tx = tensor("x", inputs, x), *to = tensor("o", outputs, NULL);
    OK(tl_layer_forward(ctx, layer, tx, to));
    for (int i = 0; i < tokens; i++)
        for (int sample = 0; sample < BATCH; sample++)
            for (int head = 0; head < HEADS; head++)
                plain_query(x, tables, query, key, i, config->causal ? i : tokens - 1, sample, head, d, want);
    float *got = values_of(to, outputs);
    assert_near("o", got, want, outputs, 2e-5);
    for (int r = 0; r < 3; r++) free(tables[r]);
    free(x);
    free(want);
    free(got);
    tl_tensor_destroy(ctx, tx);
    tl_tensor_destroy(ctx, to);
    tl_layer_destroy(ctx, layer);
}
#define check_pairs(...) FROM_HERE(check_pairs(__VA_ARGS__))

static void own_tables_in_the_headers_order(void **state)
{
    tl_layer_config c = grid();
    check_pairs(&c, mirrored_row, key_row);
    /* the header's example: one row further right is the key one place to the left; q's is the mirror */
    assert_int_equal(key_row(2, 1), 8);
    assert_int_equal(mirrored_row(2, 1), 6);
    c = sequence(TL_OP_TRANSLUTION, TL_POSITIONS_NONE);
    check_pairs(&c, sequence_query_row, sequence_row);
}

static void check_rows(const tl_layer_config *config, uint64_t rows)
{
    tl_parameter p;
    tl_layer *layer = layer_of(config, 1);
    for (int i = 0; tl_layer_parameter_at(layer, i, &p); i++) assert_int_equal(p.shape[0], rows);
    tl_layer_destroy(ctx, layer);
}
#define check_rows(...) FROM_HERE(check_rows(__VA_ARGS__))

static void absolute_tables_in_the_headers_order(void **state)
{
    tl_layer_config c = grid();
    c.op = TL_OP_ABSOLUTE;
    check_rows(&c, TOKENS * TOKENS);
    check_pairs(&c, pair_row, pair_row);
    c = sequence(TL_OP_ABSOLUTE, TL_POSITIONS_NONE);
    check_rows(&c, LENGTH * (LENGTH + 1) / 2);
    check_pairs(&c, sequence_pair_row, sequence_pair_row);
    c.width = LENGTH - 2, c.max_length = LENGTH; /* a shorter sequence has the same rows */
    check_rows(&c, LENGTH * (LENGTH + 1) / 2);
    check_pairs(&c, sequence_pair_row, sequence_pair_row);
}

/* ---- inference ------------------------------------------------------------------------------------ */

static float *output_of(tl_layer *layer, const float *x, uint64_t inputs, uint64_t outputs)
{
    tl_tensor *tx = tensor("x", inputs, x), *to = tensor("o", outputs, NULL);
    OK(tl_layer_forward(ctx, layer, tx, to));
    float *o = values_of(to, outputs);
    tl_tensor_destroy(ctx, tx);
    tl_tensor_destroy(ctx, to);
    return o;
}
#define output_of(...) VALUE_FROM_HERE(output_of(__VA_ARGS__))

static void inference_alone(void **state)
{
    enum { INPUTS = TOKENS * BATCH * DIM, OUTPUTS = TOKENS * BATCH * D };
    tl_layer_config c = grid();
    tl_layer *trained = layer_of(&c, 4);
    const uint64_t gradients = tl_memory_used(ctx, TL_MEMORY_GRADIENT);
    c.inference = true;
    tl_layer *fixed = layer_of(&c, 4);
    tl_parameter p;
    assert_true(gradients > 0);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_GRADIENT), gradients);
    for (int i = 0; tl_layer_parameter_at(fixed, i, &p); i++) assert_null(p.gradient);
    float *x = waves(3, INPUTS), *a = output_of(trained, x, INPUTS, OUTPUTS),
          *b = output_of(fixed, x, INPUTS, OUTPUTS);
    assert_memory_equal(a, b, OUTPUTS * sizeof *a);
    free(x);
    free(a);
    free(b);
    tl_layer_destroy(ctx, trained);
    tl_layer_destroy(ctx, fixed);
}

/* Samples [0, count) of rows [token][BATCH][width], or tokens [first, first + tokens) of them. */
static float *part_of(const float *rows, uint32_t first, uint32_t tokens, uint32_t count, uint32_t width)
{
    float *part = malloc((size_t)tokens * count * width * sizeof *part);
    for (uint32_t t = 0; t < tokens; t++)
        memcpy(part + (size_t)t * count * width, rows + (size_t)(first + t) * BATCH * width,
               (size_t)count * width * sizeof *part);
    return part;
}

static void batches_and_lengths_vary(void **state)
{
    enum { INPUTS = LENGTH * BATCH * DIM, WIDE = HEADS * 4, OUTPUTS = LENGTH * BATCH * WIDE };
    const tl_layer_config c = sequence(TL_OP_ALPHA, TL_POSITIONS_NONE);
    tl_layer *layer = layer_of(&c, 5);
    float *x = waves(6, INPUTS), *all = output_of(layer, x, INPUTS, OUTPUTS);
    for (uint32_t count = 1; count <= BATCH; count++)
        for (uint32_t tokens = 1; tokens <= LENGTH; tokens++) {
            OK(tl_layer_set_batch(ctx, layer, count, 0, tokens));
            float *some = part_of(x, 0, tokens, count, DIM), *want = part_of(all, 0, tokens, count, WIDE);
            float *got = output_of(layer, some, (uint64_t)tokens * count * DIM,
                                   (uint64_t)tokens * count * WIDE);
            assert_near("o of a part", got, want, (uint64_t)tokens * count * WIDE, 1e-5);
            free(some);
            free(want);
            free(got);
        }
    free(x);
    free(all);
    tl_layer_destroy(ctx, layer);
}

/* One token at a time, then the rest at once, against the whole sequence. */
static void check_cache(tl_op_kind op, tl_positions positions)
{
    enum { INPUTS = LENGTH * BATCH * DIM, WIDE = HEADS * 4, OUTPUTS = LENGTH * BATCH * WIDE };
    tl_layer_config c = sequence(op, positions);
    c.inference = true;
    tl_layer *whole = layer_of(&c, 7);
    c.kv_cache = true;
    tl_layer *cached = layer_of(&c, 7);
    float *x = waves(8, INPUTS), *all = output_of(whole, x, INPUTS, OUTPUTS);
    for (uint32_t first = 0, end = 1; first < LENGTH; first = end, end = first < 2 ? first + 1 : LENGTH) {
        const uint32_t tokens = end - first;
        OK(tl_layer_set_batch(ctx, cached, BATCH, first, end));
        float *got = output_of(cached, x + (size_t)first * BATCH * DIM, (uint64_t)tokens * BATCH * DIM,
                               (uint64_t)tokens * BATCH * WIDE);
        assert_near(tl_positions_name(positions), got, all + (size_t)first * BATCH * WIDE,
                    (uint64_t)tokens * BATCH * WIDE, 1e-5);
        free(got);
    }
    free(x);
    free(all);
    tl_layer_destroy(ctx, whole);
    tl_layer_destroy(ctx, cached);
}
#define check_cache(...) FROM_HERE(check_cache(__VA_ARGS__))

static void cached_tokens_equal_the_whole(void **state)
{
    check_cache(TL_OP_TRANSLUTION, TL_POSITIONS_NONE);
    check_cache(TL_OP_ALPHA, TL_POSITIONS_NONE);
    for (int p = TL_POSITIONS_DEFAULT; p <= TL_POSITIONS_ALIBI; p++)
        if (p != TL_POSITIONS_LEARNED) check_cache(TL_OP_ATTENTION, (tl_positions)p);
}

/* ---- files --------------------------------------------------------------------------------------- */

static void files_hold_the_parameters(void **state)
{
    enum { INPUTS = TOKENS * BATCH * DIM, OUTPUTS = TOKENS * BATCH * D };
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        tl_layer_config c = grid();
        c.op = (tl_op_kind)op;
        tl_layer *one = layer_of(&c, 8), *two = layer_of(&c, 9);
        float *x = waves(4, INPUTS), *want = output_of(one, x, INPUTS, OUTPUTS),
              *before = output_of(two, x, INPUTS, OUTPUTS);
        assert_memory_not_equal(before, want, OUTPUTS * sizeof *want);
        OK(tl_layer_save(ctx, one, at("layer.safetensors")));
        OK(tl_layer_load(ctx, two, at("layer.safetensors")));
        float *after = output_of(two, x, INPUTS, OUTPUTS);
        assert_memory_equal(after, want, OUTPUTS * sizeof *want);
        free(x);
        free(want);
        free(before);
        free(after);
        tl_layer_destroy(ctx, one);
        tl_layer_destroy(ctx, two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_tables_in_the_headers_order),
        cmocka_unit_test(absolute_tables_in_the_headers_order),
        cmocka_unit_test(inference_alone),
        cmocka_unit_test(batches_and_lengths_vary),
        cmocka_unit_test(cached_tokens_equal_the_whole),
        cmocka_unit_test(files_hold_the_parameters),
    };
    return cmocka_run_group_tests(tests, set_up_context_and_folder, tear_down_context_and_folder);
}
