/* Self-tests of embeddings, patches, positions, pair weights and initial values. */
#include <math.h>
#include <stdlib.h>

#include "ops/convit.h"
#include "ops/embedding.h"
#include "ops/image.h"
#include "ops/init.h"
#include "ops/pair_table.h"
#include "ops/rope.h"
#include "ops/self_test_probe.h"

enum { TOKENS = 5, BATCH = 3, CHANNELS = 83, ROWS = TOKENS * BATCH, COUNT = ROWS * CHANNELS };

/* ---- embeddings ------------------------------------------------------------------------------------ */

static tl_status check_class_token(tli_probe *p)
{
    tli_probe_array *patches, *cls, *position, *x, *dy, *dx;
    double *want, *want_dx;
    TLI_TRY(tli_probe_make(p, 1, COUNT - BATCH * CHANNELS, true, &patches));
    TLI_TRY(tli_probe_make(p, 1, CHANNELS, true, &cls));
    TLI_TRY(tli_probe_make(p, 1, TOKENS * CHANNELS, true, &position));
    TLI_TRY(tli_probe_make(p, 1, BATCH * CHANNELS, true, &dy));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &x));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &dx));
    TLI_TRY(tli_probe_expect(p, COUNT, &want));
    TLI_TRY(tli_probe_expect(p, COUNT, &want_dx));
    TLI_TRY(tli_tokens_forward(p->ctx, patches->view, cls->view, position->view, x->view, TOKENS, BATCH,
                               CHANNELS, 1));
    TLI_TRY(tli_mean_tokens_backward(p->ctx, dy->view, dx->view, TOKENS, BATCH, CHANNELS));
    for (int i = 0; i < COUNT; i++) {
        const int row = i / CHANNELS, c = i % CHANNELS, token = row / BATCH;
        want[i] = (double)position->host[token * CHANNELS + c] +
                  (double)(token == 0 ? cls->host[c] : patches->host[i - BATCH * CHANNELS]);
        want_dx[i] = (double)dy->host[i % (BATCH * CHANNELS)] / TOKENS;
    }
    TLI_TRY(tli_probe_compare(p, x, want, 1, 1));
    return tli_probe_compare(p, dx, want_dx, 1, 1);
}

tl_status tli_probe_embedding(tli_probe *p)
{
    enum { WORDS = 9 };
    tli_probe_array *table, *ids, *position, *x, *dx, *index, *dtable;
    double *want, *want_dtable;
    int32_t id[ROWS], sorted[4 * ROWS] = {0};
    uint64_t keys[ROWS];
    TLI_TRY(check_class_token(p));
    TLI_TRY(tli_probe_make(p, 1, WORDS * CHANNELS, true, &table));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &ids));
    TLI_TRY(tli_probe_make(p, 1, TOKENS * CHANNELS, true, &position));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &x));
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &dx));
    TLI_TRY(tli_probe_make(p, 1, tli_embedding_index_count(ROWS), false, &index));
    TLI_TRY(tli_probe_make(p, 1, WORDS * CHANNELS, true, &dtable));
    TLI_TRY(tli_probe_expect(p, COUNT, &want));
    TLI_TRY(tli_probe_expect(p, WORDS * CHANNELS, &want_dtable));
    for (int r = 0; r < ROWS; r++) id[r] = r * r % WORDS; /* some ids twice or more, some never */
    const uint32_t spans = tli_embedding_sort(id, ROWS, keys, sorted);
    TLI_TRY(tli_probe_write(p, ids, id));
    TLI_TRY(tli_probe_write(p, index, sorted));
    TLI_TRY(tli_embedding_forward(p->ctx, table->view, ids->view, position->view, x->view, TOKENS, BATCH,
                                  CHANNELS));
    TLI_TRY(
        tli_embedding_backward(p->ctx, index->view, spans, dx->view, dtable->view, ROWS, WORDS, CHANNELS));
    for (int i = 0; i < COUNT; i++) {
        const int row = i / CHANNELS, c = i % CHANNELS;
        want[i] = (double)table->host[id[row] * CHANNELS + c] +
                  (double)position->host[row / BATCH * CHANNELS + c];
        want_dtable[id[row] * CHANNELS + c] += (double)dx->host[i];
    }
    TLI_TRY(tli_probe_compare(p, x, want, 1, 1));
    return tli_probe_compare(p, dtable, want_dtable, ROWS, 1);
}

/* ---- images ---------------------------------------------------------------------------------------- */

tl_status tli_probe_image(tli_probe *p)
{
    enum { DEPTH = 2, HEIGHT = 6, WIDTH = 15, CUT_DEPTH = 1, CUT_HEIGHT = 3, CUT_WIDTH = 5, COLOURS = 3 };
    enum { PIXELS = DEPTH * HEIGHT * WIDTH, ALL = BATCH * COLOURS * PIXELS };
    enum { ACROSS = WIDTH / CUT_WIDTH, DOWN = HEIGHT / CUT_HEIGHT };
    tli_probe_array *images, *patches;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &images));
    TLI_TRY(tli_probe_make(p, 1, ALL, false, &patches));
    TLI_TRY(tli_probe_expect(p, ALL, &want));
    TLI_TRY(tli_patches_forward(p->ctx, images->view, patches->view, BATCH, COLOURS,
                                (tli_extent){DEPTH, HEIGHT, WIDTH},
                                (tli_extent){CUT_DEPTH, CUT_HEIGHT, CUT_WIDTH}));
    for (int e = 0; e < ALL; e++) {
        const int x = e % WIDTH, y = e / WIDTH % HEIGHT, z = e / WIDTH / HEIGHT % DEPTH;
        const int colour = e / PIXELS % COLOURS, sample = e / PIXELS / COLOURS;
        const int token = (z / CUT_DEPTH * DOWN + y / CUT_HEIGHT) * ACROSS + x / CUT_WIDTH;
        const int inside = (z % CUT_DEPTH * CUT_HEIGHT + y % CUT_HEIGHT) * CUT_WIDTH + x % CUT_WIDTH;
        want[((token * BATCH + sample) * CUT_DEPTH * CUT_HEIGHT * CUT_WIDTH + inside) * COLOURS + colour] =
            (double)images->host[e];
    }
    return tli_probe_compare(p, patches, want, 1, 1);
}

/* ---- positions ------------------------------------------------------------------------------------- */

tl_status tli_probe_rope(tli_probe *p)
{
    enum {
        HEADS = 3,
        HEAD_DIM = 14,
        HALF = HEAD_DIM / 2,
        STRIDE = HEADS * HEAD_DIM + 5,
        ALL = ROWS * STRIDE
    };
    tli_probe_array *angles, *x, *back;
    double *want, *want_back;
    TLI_TRY(tli_probe_make(p, 1, TOKENS * HEAD_DIM, true, &angles)); /* any values do */
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &x));
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &back));
    TLI_TRY(tli_probe_expect(p, ALL, &want));
    TLI_TRY(tli_probe_expect(p, ALL, &want_back));
    const tli_rope rope = {
        .tokens = TOKENS, .batch = BATCH, .heads = HEADS, .head_dim = HEAD_DIM, .stride = STRIDE};
    TLI_TRY(tli_rope_rotate(p->ctx, &rope, angles->view, x->view, false));
    TLI_TRY(tli_rope_rotate(p->ctx, &rope, angles->view, back->view, true));
    for (int i = 0; i < ALL; i++) {
        const int column = i % STRIDE, c = column % HEAD_DIM, low = c < HALF;
        want[i] = (double)x->host[i];
        want_back[i] = (double)back->host[i];
        if (column >= HEADS * HEAD_DIM) continue;
        const float *turn = angles->host + i / STRIDE / BATCH * HEAD_DIM + c % HALF;
        const int partner = low ? i + HALF : i - HALF;
        const double cosine = (double)turn[0], sine = low ? -(double)turn[HALF] : (double)turn[HALF];
        want[i] = want[i] * cosine + (double)x->host[partner] * sine;
        want_back[i] = want_back[i] * cosine - (double)back->host[partner] * sine;
    }
    TLI_TRY(tli_probe_compare(p, x, want, 2, 1));
    return tli_probe_compare(p, back, want_back, 2, 1);
}

tl_status tli_probe_gated(tli_probe *p)
{
    enum { QUERIES = 7, KEYS = 11, HEADS = 2, MATRIX = QUERIES * KEYS, ALL = BATCH * HEADS * MATRIX };
    enum { FEATURES = 3 };
    tli_probe_array *prob, *positions, *gate, *mixed, *dmixed, *table, *dw, *dgate, *work;
    double *want, *want_dprob, *want_dgate, want_terms[HEADS * MATRIX] = {0};
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &prob));
    TLI_TRY(tli_probe_make(p, 1, HEADS * MATRIX, true, &positions));
    TLI_TRY(tli_probe_make(p, 1, HEADS, true, &gate));
    TLI_TRY(tli_probe_make(p, 1, ALL, false, &mixed));
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &dmixed));
    TLI_TRY(tli_probe_make(p, 1, MATRIX * (FEATURES + 1), false, &table));
    TLI_TRY(tli_probe_make(p, 1, HEADS * FEATURES, false, &dw));
    TLI_TRY(tli_probe_make(p, 1, HEADS, false, &dgate));
    TLI_TRY(tli_probe_make(p, 1, 2 * HEADS * MATRIX, false, &work));
    TLI_TRY(tli_probe_expect(p, ALL, &want));
    TLI_TRY(tli_probe_expect(p, ALL, &want_dprob));
    TLI_TRY(tli_probe_expect(p, 2 * HEADS * MATRIX, &want_dgate));
    const convit c = {.queries = QUERIES, .keys = KEYS, .batch = BATCH, .heads = HEADS, .features = FEATURES};
    TLI_TRY(tli_convit_mix(p->ctx, &c, prob->view, positions->view, gate->view, mixed->view));
    TLI_TRY(tli_convit_backward(p->ctx, &c, table->view, prob->view, positions->view, gate->view,
                                dmixed->view, dw->view, dgate->view, work->view));
    for (int i = 0; i < ALL; i++) {
        const int head = i / MATRIX % HEADS, e = i % (HEADS * MATRIX);
        const double g = 1 / (1 + exp(-(double)gate->host[head])), d = (double)dmixed->host[i];
        const double step = (double)positions->host[e] - (double)prob->host[i];
        want[i] = (double)prob->host[i] + g * step;
        want_dprob[i] = (1 - g) * d;
        want_terms[e] += g * d;
        want_dgate[HEADS * MATRIX + e] += g * (1 - g) * d * step;
    }
    /* The first half of the workspace now holds the gradient of the position softmax's logits. */
    for (int row = 0; row < HEADS * QUERIES; row++) {
        double mean = 0;
        for (int e = row * KEYS; e < (row + 1) * KEYS; e++)
            mean += (double)positions->host[e] * want_terms[e];
        for (int e = row * KEYS; e < (row + 1) * KEYS; e++)
            want_dgate[e] = (double)positions->host[e] * (want_terms[e] - mean);
    }
    TLI_TRY(tli_probe_compare(p, mixed, want, 1, 2));
    TLI_TRY(tli_probe_compare(p, dmixed, want_dprob, 1, 1));
    return tli_probe_compare(p, work, want_dgate, BATCH * KEYS, 2);
}

/* ---- pair weights ---------------------------------------------------------------------------------- */

/* Sums over slices for the second to the last but one pair. */
static tl_status check_slices(tli_probe *p, const tli_pair_table *pairs)
{
    enum { SLICES = 3, HEADS = 2 };
    const int begin = 1, end = (int)pairs->count - 1, chunk = (end - begin) * BATCH,
              all = (int)pairs->count * BATCH;
    tli_probe_array *partial, *values;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)(SLICES * HEADS * chunk), true, &partial));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)(HEADS * all), true, &values));
    TLI_TRY(tli_probe_expect(p, (uint64_t)(HEADS * all), &want));
    TLI_TRY(tli_pair_table_sum_slices(p->ctx, pairs, SLICES, BATCH, HEADS, begin, end, partial->view,
                                      values->view));
    for (int i = 0; i < HEADS * all; i++) {
        const int head = i / all, e = i % all - begin * BATCH;
        want[i] = e < 0 || e >= chunk ? (double)values->host[i] : 0;
        for (int s = 0; s < SLICES && e >= 0 && e < chunk; s++)
            want[i] += (double)partial->host[(s * HEADS + head) * chunk + e];
    }
    return tli_probe_compare(p, values, want, SLICES, 1);
}

static tl_status check_orders(tli_probe *p, const tli_geometry *g, const tli_pair_table *pairs,
                              tl_tensor *mask)
{
    enum { SAMPLES = 11, HEADS = 2 };
    const uint32_t keys = pairs->keys;
    const int matrix = (int)(pairs->queries * keys), all = SAMPLES * HEADS * matrix;
    tli_probe_array *rows, *values, *out;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)all, true, &rows));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)(SAMPLES * HEADS) * pairs->count, true, &values));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)all + 1, true, &out));
    TLI_TRY(tli_probe_expect(p, (uint64_t)all + 1, &want));
    /* Converted there and back twice, so that rows of pairs are doubled; then masked entries and entries
     * past the end. */
    TLI_TRY(tli_rows_to_pairs(p->ctx, pairs, SAMPLES, HEADS, rows->view, values->view));
    TLI_TRY(tli_pairs_to_rows(p->ctx, pairs, SAMPLES, HEADS, values->view, out->view, false));
    TLI_TRY(tli_pairs_to_rows(p->ctx, pairs, SAMPLES, HEADS, values->view, out->view, true));
    TLI_TRY(tli_mask_rows(p->ctx, mask, (uint64_t)matrix, SAMPLES * HEADS, out->view, -3.0f));
    TLI_TRY(tli_fill(p->ctx, tli_view_add(out->view, (uint64_t)all), 1, 7.0f));
    for (int i = 0; i < all; i++) {
        const uint32_t e = (uint32_t)(i % matrix);
        const bool sees = tli_geometry_key_offset(g, e / keys, e % keys) >= 0;
        want[i] = sees ? 2 * (double)rows->host[i] : -3;
    }
    want[all] = 7;
    return tli_probe_compare(p, out, want, 1, 1);
}

tl_status tli_probe_pairs(tli_probe *p)
{
    const tli_geometry g = {.kind = TLI_GRID, .depth = 1, .height = 2, .width = 10, .cls = 1, .window = 8};
    const uint32_t tokens = tli_geometry_tokens(&g);
    tli_pair_table pairs = {0};
    tl_tensor *mask = NULL;
    TLI_TRY(tli_pair_table_create(p->ctx, "self-test", &g, tokens, &pairs));
    tl_status status = tli_mask_create(p->ctx, "self-test", &g, tokens, &mask);
    if (status == TL_OK) status = check_orders(p, &g, &pairs, mask);
    if (status == TL_OK) status = check_slices(p, &pairs);
    tl_tensor_destroy(p->ctx, mask);
    tli_pair_table_destroy(p->ctx, &pairs);
    return status;
}

/* ---- initial values -------------------------------------------------------------------------------- */

/* Must equal the host's numbers. */
tl_status tli_probe_random(tli_probe *p)
{
    enum { NUMBERS = 5003 };
    tli_probe_array *drawn, *constant;
    double *want, *want_constant;
    TLI_TRY(tli_probe_make(p, 1, NUMBERS, false, &drawn));
    TLI_TRY(tli_probe_make(p, 1, NUMBERS, false, &constant));
    TLI_TRY(tli_probe_expect(p, NUMBERS, &want));
    TLI_TRY(tli_probe_expect(p, NUMBERS, &want_constant));
    const uint64_t seed = 0x123456789abcdefu, stream = tli_random_stream("self-test");
    TLI_TRY(tli_init_uniform(p->ctx, drawn->tensor, 0.3f, seed, stream));
    TLI_TRY(tli_init_constant(p->ctx, constant->tensor, 0.7f));
    tli_random r = tli_random_make(seed, stream);
    for (int i = 0; i < NUMBERS; i++) {
        want[i] = (double)(0.3f * (2 * tli_random_uniform(&r) - 1));
        want_constant[i] = (double)0.7f;
    }
    TLI_TRY(tli_probe_compare(p, drawn, want, 1, 1e-30));
    return tli_probe_compare(p, constant, want_constant, 1, 1e-30);
}
