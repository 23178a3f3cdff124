/* translution info --diff A B: differences of two checkpoints in settings, in the set of tensors, and in
 * the values of common tensors. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

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

static tl_status compare_tensor(tl_file *a, tl_file *b, const tl_tensor_info *tensor, float *pieces,
                                difference *d, tl_error *err)
{
    *d = (difference){0};
    for (uint64_t at = 0; at < tensor->count; at += PIECE) {
        const uint64_t n = tensor->count - at < PIECE ? tensor->count - at : PIECE;
        TLI_TRY(tl_file_read(a, tensor->name, at, n, pieces, err));
        TLI_TRY(tl_file_read(b, tensor->name, at, n, pieces + PIECE, err));
        info_diff_compare(pieces, pieces + PIECE, n, at, d);
    }
    return TL_OK;
}

static bool same_shape(const tl_tensor_info *x, const tl_tensor_info *y)
{
    return strcmp(x->dtype, y->dtype) == 0 && x->rank == y->rank &&
           memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0;
}

/* Settings and other metadata; the checksum is skipped, as tensors are compared. */
static int diff_metadata(const tl_file *a, const tl_file *b, bool backwards)
{
    int differences = 0;
    const char *key, *value;
    for (int i = 0; tl_file_metadata_at(a, i, &key, &value); i++) {
        const char *other = tl_file_metadata(b, key);
        char plain_key[128], here[256], there[256];
        if (strcmp(key, "checksum") == 0 || (other != NULL && (backwards || strcmp(other, value) == 0)))
            continue;
        tli_cli_plain(key, plain_key, sizeof plain_key);
        tli_cli_plain(value, here, sizeof here);
        tli_cli_plain(other != NULL ? other : "(absent)", there, sizeof there);
        printf("setting %-40s %s -> %s\n", plain_key, backwards ? there : here, backwards ? here : there);
        differences++;
    }
    return differences;
}

/* Prints how the tensor x of `a` differs from that of `b`; *differs: whether it does. */
static tl_status diff_tensor(tl_file *a, tl_file *b, const tl_tensor_info *x, float *pieces, bool *differs,
                             tl_error *err)
{
    tl_tensor_info y;
    char name[128], here[192], there[192];
    difference d;
    *differs = true;
    tli_cli_plain(x->name, name, sizeof name);
    tli_cli_shape(x, here, sizeof here);
    if (!tl_file_tensor(b, x->name, &y)) {
        printf("%-60s only in the first: %s\n", name, here);
        return TL_OK;
    }
    if (!same_shape(x, &y)) {
        printf("%-60s shapes %s -> %s\n", name, here, tli_cli_shape(&y, there, sizeof there));
        return TL_OK;
    }
    TLI_TRY(compare_tensor(a, b, x, pieces, &d, err));
    *differs = d.unequal > 0;
    if (*differs)
        printf("%-60s largest difference %.9g at element %" PRIu64 ", %" PRIu64 " of %" PRIu64 " unequal\n",
               name, d.largest, d.at, d.unequal, x->count);
    return TL_OK;
}

static tl_status diff_tensors(tl_file *a, tl_file *b, float *pieces, int *differences, tl_error *err)
{
    tl_tensor_info tensor, same;
    for (int i = 0; tl_file_tensor_at(a, i, &tensor); i++) {
        bool differs;
        TLI_TRY(diff_tensor(a, b, &tensor, pieces, &differs, err));
        *differences += differs;
    }
    for (int i = 0; tl_file_tensor_at(b, i, &tensor); i++) {
        char name[128], there[192];
        if (tl_file_tensor(a, tensor.name, &same)) continue;
        printf("%-60s only in the second: %s\n", tli_cli_plain(tensor.name, name, sizeof name),
               tli_cli_shape(&tensor, there, sizeof there));
        ++*differences;
    }
    return TL_OK;
}

tl_status tli_cli_diff(tl_file *a, tl_file *b, tl_error *err)
{
    int tensors = 0;
    float *pieces = malloc(2 * PIECE * sizeof *pieces);
    if (pieces == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while comparing two checkpoints");
    const int settings = diff_metadata(a, b, false) + diff_metadata(b, a, true);
    const tl_status status = diff_tensors(a, b, pieces, &tensors, err);
    if (status == TL_OK) printf("%d settings and %d tensors differ\n", settings, tensors);
    free(pieces);
    return status;
}
