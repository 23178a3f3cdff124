/* Gradients of the products by offset in chunks of any size, against plain loops. In the form for CPUs
 * results are the same bits whatever the size. In that for GPUs those of the matrices and of the pair weights are; the gradients of the
 * rows, to which every chunk adds what it has summed up, are the same to rounding. */
#include "rows.h"

#include "ops/offset_gemm_chunk.h"

/* Rows too wide for the CPU form's kernels without chunks (narrow_offset_gemm.h). */
enum { INNER = 70, HEADS = 3, HEAD_DIM = 24, WIDTH = HEADS * HEAD_DIM, MATRIX = INNER * WIDTH, BATCH = 5 };

static const tli_geometry geometry = {.kind = TLI_GRID, .depth = 1, .height = 2, .width = 3, .cls = 1};

/* Of the logits by x0 and x1 with the matrices w0 and w1, and of the values x1 w1. */
enum { DXQ, DXK, DWQ, DWK, DX, DW, DWEIGHTS, RESULTS };
static const char *const names[RESULTS] = {"dxq", "dxk", "dwq", "dwk", "dx", "dw", "dweights"};

typedef struct problem {
    uint32_t tokens;
    uint64_t offsets, counts[RESULTS];
    float *x[2], *w[2], *pair_weights,
        *dy; /* rows [token][batch][channel], weights [batch][head][query][key] */
    double *want[RESULTS];
} problem;

/* Of the pair (i, j) in one batch and head; spread adds factor[d] * W[., d] to dx, and the outer product to dW. */
static void project(const float *x, const float *w, double out[HEAD_DIM])
{
    for (uint32_t d = 0; d < HEAD_DIM; d++) {
        out[d] = 0;
        for (uint32_t c = 0; c < INNER; c++) out[d] += (double)x[c] * (double)w[c * WIDTH + d];
    }
}

static void spread(const float *x, const float *w, const double factor[HEAD_DIM], double scale, double *dx,
                   double *dw)
{
    for (uint32_t c = 0; c < INNER; c++)
        for (uint32_t d = 0; d < HEAD_DIM; d++) {
            dx[c] += scale * factor[d] * (double)w[c * WIDTH + d];
            dw[c * WIDTH + d] += scale * factor[d] * (double)x[c];
        }
}

static void add_pair(problem *p, uint32_t i, uint32_t j, uint32_t b, uint32_t head)
{
    const uint64_t xi = ((uint64_t)i * BATCH + b) * INNER, xj = ((uint64_t)j * BATCH + b) * INNER,
                   wq = (uint64_t)tli_geometry_query_row(&geometry, i, j) * MATRIX + head * HEAD_DIM,
                   wk = (uint64_t)tli_geometry_key_row(&geometry, i, j) * MATRIX + head * HEAD_DIM,
                   e = (((uint64_t)b * HEADS + head) * p->tokens + i) * p->tokens + j;
    const float *dy = p->dy + ((uint64_t)i * BATCH + b) * WIDTH + head * HEAD_DIM;
    const double weight = (double)p->pair_weights[e];
    double q[HEAD_DIM], k[HEAD_DIM], out[HEAD_DIM];
    project(p->x[0] + xi, p->w[0] + wq, q);
    project(p->x[1] + xj, p->w[1] + wk, k);
    spread(p->x[0] + xi, p->w[0] + wq, k, weight, p->want[DXQ] + xi, p->want[DWQ] + wq);
    spread(p->x[1] + xj, p->w[1] + wk, q, weight, p->want[DXK] + xj, p->want[DWK] + wk);
    for (uint32_t d = 0; d < HEAD_DIM; d++) {
        out[d] = (double)dy[d];
        p->want[DWEIGHTS][e] += out[d] * k[d]; /* v_ij has the keys' operands */
    }
    spread(p->x[1] + xj, p->w[1] + wk, out, weight, p->want[DX] + xj, p->want[DW] + wk);
}

static problem make_problem(void)
{
    problem p = {.tokens = tli_geometry_tokens(&geometry), .offsets = tli_geometry_offsets(&geometry)};
    const uint64_t rows = (uint64_t)p.tokens * BATCH, weights = rows * p.tokens * HEADS;
    tli_random r = tli_random_make(5, 1);
    for (int side = 0; side < 2; side++) {
        p.x[side] = draw(&r, rows * INNER);
        p.w[side] = draw(&r, p.offsets * MATRIX);
    }
    p.pair_weights = draw(&r, weights);
    p.dy = draw(&r, rows * WIDTH);
    p.counts[DXQ] = p.counts[DXK] = p.counts[DX] = rows * INNER;
    p.counts[DWQ] = p.counts[DWK] = p.counts[DW] = p.offsets * MATRIX;
    p.counts[DWEIGHTS] = weights;
    for (int i = 0; i < RESULTS; i++) p.want[i] = zeros(p.counts[i]);
    for (uint32_t i = 0; i < p.tokens; i++)
        for (uint32_t j = 0; j < p.tokens; j++)
            for (uint32_t b = 0; b < BATCH; b++)
                for (uint32_t head = 0; head < HEADS; head++) add_pair(&p, i, j, b, head);
    return p;
}

static void free_problem(problem *p)
{
    for (int side = 0; side < 2; side++) free(p->x[side]), free(p->w[side]);
    free(p->pair_weights), free(p->dy);
    for (int i = 0; i < RESULTS; i++) free(p->want[i]);
}

/* In how many chunks the logits' gradients are. */
static int count_chunks(const tli_offset_gemm *r)
{
    const uint64_t limit = tli_offset_chunk_pairs(r, tli_offset_chunk_row(INNER, HEADS, HEAD_DIM, false));
    int chunks = 0;
    for (tli_offset_chunk c = {0}; tli_offset_chunk_next(r->pairs, NULL, NULL, NULL, NULL, limit, &c);)
        chunks++;
    return chunks;
}

/* The results, freed by the caller. `workspace` has just what it needs, between guards. */
static void run(tl_context *ctx, const problem *p, const tli_offset_gemm *r, float *got[RESULTS])
{
    const uint64_t rows = (uint64_t)p->tokens * BATCH, weights = p->counts[DWEIGHTS];
    const tli_offset_rows none = {{0}, {0}};
    tl_tensor *w[2], *dw[3];
    for (int i = 0; i < 2; i++) w[i] = upload(ctx, p->w[i], p->offsets, MATRIX);
    for (int i = 0; i < 3; i++) dw[i] = upload(ctx, NULL, p->offsets, MATRIX);
    float *nothing = calloc(rows, INNER * sizeof *nothing);
    assert_non_null(nothing);
    place x[2], dx[3],
        work = put(ctx, NULL,
                   tli_offset_gemm_workspace(r->chunk_bytes, p->tokens, r->pairs->count, r->pairs->largest,
                                             BATCH, INNER, HEADS, HEAD_DIM, false));
    for (int i = 0; i < 2; i++) x[i] = put(ctx, p->x[i], rows * INNER);
    for (int i = 0; i < 3; i++) dx[i] = put(ctx, nothing, rows * INNER);
    free(nothing);
    place in_rows = put(ctx, p->pair_weights, weights), in_pairs = put(ctx, NULL, weights),
          d_pairs = put(ctx, NULL, weights), d_rows = put(ctx, NULL, weights),
          dy = put(ctx, p->dy, rows * WIDTH);
    MUST(ctx, tli_rows_to_pairs(ctx, r->pairs, BATCH, HEADS, in_rows.view, in_pairs.view));
    MUST(ctx, tli_offset_gemm_logits_backward(ctx, r, x[0].view, w[0], x[1].view, w[1], in_pairs.view, none,
                                              dx[0].view, dx[1].view, dw[0], dw[1], work.view));
    MUST(ctx, tli_offset_gemm_values_backward(ctx, r, x[1].view, w[1], in_pairs.view, dy.view, d_pairs.view,
                                              dx[2].view, dw[2], work.view));
    MUST(ctx, tli_pairs_to_rows(ctx, r->pairs, BATCH, HEADS, d_pairs.view, d_rows.view, false));
    got[DXQ] = get(ctx, dx[0]), got[DXK] = get(ctx, dx[1]), got[DX] = get(ctx, dx[2]);
    got[DWQ] = download(ctx, dw[0]), got[DWK] = download(ctx, dw[1]), got[DW] = download(ctx, dw[2]);
    got[DWEIGHTS] = get(ctx, d_rows);
    free(get(ctx, work)); /* fails where something was written behind it */
    for (int i = 0; i < 2; i++) drop(ctx, x[i]), tl_tensor_destroy(ctx, w[i]);
    for (int i = 0; i < 3; i++) drop(ctx, dx[i]), tl_tensor_destroy(ctx, dw[i]);
    drop(ctx, work), drop(ctx, in_rows), drop(ctx, in_pairs), drop(ctx, d_pairs), drop(ctx, d_rows);
    drop(ctx, dy);
}
#define run(...) FROM_HERE(run(__VA_ARGS__))

static void gradients_are_the_same_in_any_chunks(tl_context *ctx)
{
    static const struct {
        uint64_t bytes;
        int fewest, most; /* chunks */
    } sizes[] = {{1, 6, 100}, {2 * WIDTH * 4 * BATCH * 20, 2, 5}, {0, 1, 1}, {UINT64_MAX, 1, 1}};
    const bool cpu = tli_context_limits(ctx)->cpu_path;
    problem p = make_problem();
    tli_pair_table pairs;
    float *first[RESULTS], *got[RESULTS];
    uint64_t floats = 0;
    MUST(ctx, tli_pair_table_create(ctx, "test", &geometry, p.tokens, &pairs));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const tli_offset_gemm r = {.pairs = &pairs,
                                   .batch = BATCH,
                                   .inner = INNER,
                                   .heads = HEADS,
                                   .head_dim = HEAD_DIM,
                                   .chunk_bytes = sizes[s].bytes};
        const uint64_t needs = tli_offset_gemm_workspace(r.chunk_bytes, p.tokens, pairs.count, pairs.largest,
                                                         BATCH, INNER, HEADS, HEAD_DIM, false);
        assert_between(count_chunks(&r), sizes[s].fewest, sizes[s].most);
        assert_true(needs >= floats && (sizes[s].most > 1) == (needs < 2ull * WIDTH * BATCH * pairs.count));
        floats = needs;
        run(ctx, &p, &r, got);
        for (int i = 0; i < RESULTS; i++) {
            near_to(names[i], got[i], p.want[i], p.counts[i], 1e-5, 30);
            if (s > 0 && (cpu || (i != DXQ && i != DXK && i != DX)))
                assert_memory_equal(got[i], first[i], p.counts[i] * sizeof *got[i]);
            if (s > 0) free(got[i]);
            if (s == 0) first[i] = got[i];
        }
    }
    for (int i = 0; i < RESULTS; i++) free(first[i]);
    tli_pair_table_destroy(ctx, &pairs);
    free_problem(&p);
}
ON_BOTH_PATHS(gradients_are_the_same_in_any_chunks)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(gradients_are_the_same_in_any_chunks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
