/* translution info --diff A B: differences of two checkpoints in settings, in the set of tensors, and in
 * the values of common tensors. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/safetensors_format.h"

enum { PIECE = 1 << 18 };

typedef struct difference {
    double largest; /* max |a - b|; 0 where both are the same NaN or infinity */
    uint64_t at, unequal;
} difference;

static void info_diff_compare(const float *a, const float *b, uint64_t count, uint64_t first, difference *d)
{
    for (uint64_t i = 0; i < count; i++) {
        if (memcmp(&a[i], &b[i], sizeof *a) == 0) continue;
        const double gap = fabs((double)a[i] - (double)b[i]);
        const double size = isnan(gap) ? (double)INFINITY : gap;
        d->unequal++;
        if (size > d->largest || d->unequal == 1) {
            d->largest = size;
            d->at = first + i;
        }
    }
}

static tl_status compare_tensor(tli_safetensors *a, const tli_st_entry *x, tli_safetensors *b,
                                const tli_st_entry *y, float *pieces, difference *d, tl_error *err)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < x->rank; i++) count *= x->shape[i];
    *d = (difference){0};
    for (uint64_t at = 0; at < count; at += PIECE) {
        const uint64_t n = count - at < PIECE ? count - at : PIECE;
        TLI_TRY(tli_st_read(a, x, at, n, pieces, err));
        TLI_TRY(tli_st_read(b, y, at, n, pieces + PIECE, err));
        info_diff_compare(pieces, pieces + PIECE, n, at, d);
    }
    return TL_OK;
}

static void shape_text(const tli_st_entry *e, char *text, size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t d = 0; d < e->rank && used < capacity; d++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%" PRIu64, d > 0 ? " x " : "", e->shape[d]);
}

static bool same_shape(const tli_st_entry *x, const tli_st_entry *y)
{
    return x->dtype == y->dtype && x->rank == y->rank &&
           memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0;
}

/* Settings and other metadata; the checksum is skipped, as tensors are compared. */
static int diff_metadata(const tli_safetensors *a, const tli_safetensors *b, bool backwards)
{
    int differences = 0;
    for (int i = 0; i < a->metadata_count; i++) {
        const tli_st_item *pair = &a->metadata[i];
        const char *other = tli_st_metadata(b, pair->key);
        char key[128], here[256], there[256];
        if (strcmp(pair->key, "checksum") == 0 ||
            (other != NULL && (backwards || strcmp(other, pair->value) == 0)))
            continue;
        tli_cli_plain(pair->key, key, sizeof key);
        tli_cli_plain(pair->value, here, sizeof here);
        tli_cli_plain(other != NULL ? other : "(absent)", there, sizeof there);
        printf("setting %-40s %s -> %s\n", key, backwards ? there : here, backwards ? here : there);
        differences++;
    }
    return differences;
}

static tl_status diff_tensors(tli_safetensors *a, tli_safetensors *b, float *pieces, int *differences,
                              tl_error *err)
{
    for (int i = 0; i < a->count; i++) {
        const tli_st_entry *x = &a->entries[i], *y = tli_st_find(b, x->name);
        char name[sizeof x->name], here[192], there[192];
        difference d;
        tli_cli_plain(x->name, name, sizeof name);
        shape_text(x, here, sizeof here);
        if (y == NULL) {
            printf("%-60s only in the first: %s\n", name, here);
        } else if (!same_shape(x, y) || x->dtype != ST_F32) {
            shape_text(y, there, sizeof there);
            if (same_shape(x, y)) continue; /* of whole numbers: none of ours */
            printf("%-60s shapes %s -> %s\n", name, here, there);
        } else {
            TLI_TRY(compare_tensor(a, x, b, y, pieces, &d, err));
            if (d.unequal == 0) continue;
            printf("%-60s largest difference %.9g at element %" PRIu64 ", %" PRIu64 " of %" PRIu64
                   " unequal\n",
                   name, d.largest, d.at, d.unequal, (x->end - x->begin) / tli_st_dtype_widths[x->dtype]);
        }
        ++*differences;
    }
    for (int i = 0; i < b->count; i++) {
        char name[sizeof b->entries[i].name], there[192];
        if (tli_st_find(a, b->entries[i].name) != NULL) continue;
        shape_text(&b->entries[i], there, sizeof there);
        printf("%-60s only in the second: %s\n", tli_cli_plain(b->entries[i].name, name, sizeof name), there);
        ++*differences;
    }
    return TL_OK;
}

tl_status tli_cli_diff(const char *first, const char *second, tl_error *err)
{
    tli_safetensors a, b;
    int settings, tensors = 0;
    TLI_TRY(tli_st_open(first, &a, err));
    tl_status status = tli_st_open(second, &b, err);
    float *pieces = malloc(2 * PIECE * sizeof *pieces);
    if (status == TL_OK && pieces == NULL)
        status = tli_fail(err, TL_ERROR_MEMORY, "out of host memory while comparing %s", first);
    if (status == TL_OK) {
        settings = diff_metadata(&a, &b, false) + diff_metadata(&b, &a, true);
        status = diff_tensors(&a, &b, pieces, &tensors, err);
        if (status == TL_OK) printf("%d settings and %d tensors differ\n", settings, tensors);
        tli_st_close(&b);
    }
    free(pieces);
    tli_st_close(&a);
    return status;
}
