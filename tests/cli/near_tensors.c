/* Whether two files have the same tensors, to rounding: no number differs by more than 1e-5 of the largest of its tensor, or
 * of a thousandth of the file's largest. Exits with 1 after a sentence otherwise.
 *   near_tensors FILE FILE */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "translution/translution.h"

/* NULL after a sentence. */
static float *read_tensor(tl_file *file, const tl_tensor_info *t)
{
    tl_error err;
    float *values = malloc(t->count * sizeof *values + 1);
    if (values != NULL && tl_file_read(file, t->name, 0, t->count, values, &err) == TL_OK) return values;
    fprintf(stderr, "%s: %s\n", t->name, values == NULL ? "out of memory" : err.text);
    free(values);
    return NULL;
}

static double largest_of(const float *values, uint64_t count)
{
    double most = 0;
    for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs((double)values[i]));
    return most;
}

static double largest_of_file(tl_file *file)
{
    tl_tensor_info t;
    double most = 0;
    for (int i = 0; tl_file_tensor_at(file, i, &t); i++) {
        float *values = read_tensor(file, &t);
        if (values == NULL) return NAN;
        most = fmax(most, largest_of(values, t.count));
        free(values);
    }
    return most;
}

static bool compare(const tl_tensor_info *t, const float *a, const float *b, double least)
{
    const double within = 1e-5 * fmax(largest_of(a, t->count), least);
    for (uint64_t i = 0; i < t->count; i++) {
        if (fabs((double)a[i] - (double)b[i]) <= within) continue;
        fprintf(stderr, "%s: element %llu is %g and %g, more than %g apart\n", t->name, (unsigned long long)i,
                (double)a[i], (double)b[i], within);
        return false;
    }
    return true;
}

static bool compare_files(tl_file *first, tl_file *second)
{
    const double least = 1e-3 * largest_of_file(first);
    tl_tensor_info t, other;
    int count = 0;
    for (bool near = true; near && tl_file_tensor_at(first, count, &t); count++) {
        const bool found = tl_file_tensor(second, t.name, &other) && other.count == t.count;
        float *a = read_tensor(first, &t), *b = found ? read_tensor(second, &t) : NULL;
        near = a != NULL && b != NULL && compare(&t, a, b, least);
        if (!found) fprintf(stderr, "%s: missing, or of another size\n", t.name);
        free(a);
        free(b);
        if (!near) return false;
    }
    return count > 0 && !tl_file_tensor_at(second, count, &other);
}

int main(int argc, char **argv)
{
    tl_file *first = NULL, *second = NULL;
    tl_error err = {0};
    if (argc != 3) return 2;
    tl_status status = tl_file_open(argv[1], &first, &err);
    if (status == TL_OK) status = tl_file_open(argv[2], &second, &err);
    if (status != TL_OK) fprintf(stderr, "%s\n", err.text);
    const bool near = status == TL_OK && compare_files(first, second);
    tl_file_close(first);
    tl_file_close(second);
    return near ? 0 : 1;
}
