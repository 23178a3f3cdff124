#include "ops/tuning_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Device names are arbitrary bytes: as they can stand on a line of a table. */
static void copy_name(char *out, size_t capacity, const char *name)
{
    size_t used = 0;
    for (; name[used] != '\0' && used + 1 < capacity; used++)
        out[used] = (unsigned char)name[used] < ' ' || name[used] == '#' ? ' ' : name[used];
    while (used > 0 && out[used - 1] == ' ') used--;
    out[used] = '\0';
}

void tli_tuning_table_begin(tl_context *ctx, tli_tuning_table *table)
{
    const tl_device_info *device = tl_context_device(ctx);
    const tli_limits *limits = tli_context_limits(ctx);
    memset(table, 0, sizeof *table);
    (void)snprintf(table->program, sizeof table->program, "%s", TL_VERSION);
    copy_name(table->device, sizeof table->device, device->name + strspn(device->name, " "));
    copy_name(table->platform, sizeof table->platform, device->platform_name);
    copy_name(table->driver, sizeof table->driver, device->driver);
    table->cpu = limits->cpu_path;
    table->vector_width = limits->vector_width;
    table->compute_units = limits->compute_units;
}

static bool shape_is(const tli_product_shape *a, const tli_product_shape *b)
{
    return a->kind == b->kind && a->m == b->m && a->n == b->n && a->k == b->k && a->count == b->count;
}

void tli_tuning_table_put(tli_tuning_table *table, const tli_tuned *entry)
{
    int i = 0;
    while (i < table->count && !shape_is(&table->entries[i].shape, &entry->shape)) i++;
    if (i == TLI_TUNED_MOST) return;
    if (i == table->count) table->count++;
    table->entries[i] = *entry;
}

/* Sum of squares of the logarithms of two products' ratios of sizes; infinite beyond the largest ratio. */
static double distance_of(const tli_product_shape *a, const tli_product_shape *b, double most)
{
    const uint32_t of_a[] = {a->m, a->n, a->k, a->count}, of_b[] = {b->m, b->n, b->k, b->count};
    const bool both = tli_product_is_gemm(a->kind) ? (a->count > 1) == (b->count > 1) : true;
    double sum = 0;
    if (a->kind != b->kind || !both) return INFINITY;
    for (int i = 0; i < 4; i++) {
        const double ratio = (double)of_a[i] / of_b[i];
        if (!(ratio <= most && ratio >= 1 / most)) return INFINITY;
        sum += log2(ratio) * log2(ratio);
    }
    return sum;
}

const tli_tuned *tli_tuning_table_nearest(const tli_tuning_table *table, const tli_product_shape *shape,
                                          double most, bool (*accept)(const tli_tuned *entry))
{
    const tli_tuned *nearest = NULL;
    double least = INFINITY;
    for (int i = 0; i < table->count; i++) {
        const tli_tuned *e = &table->entries[i];
        const double distance = e->shape.kind == shape->kind ? distance_of(&e->shape, shape, most) : INFINITY;
        if (distance >= least || (accept != NULL && !accept(e))) continue;
        least = distance;
        nearest = e;
    }
    return nearest;
}

int tli_tuning_table_suits(const tli_tuning_table *tables, int count, const tli_tuning_table *wanted)
{
    int best = -1;
    double least = INFINITY;
    for (int i = 0; i < count; i++) {
        const tli_tuning_table *t = &tables[i];
        if (t->cpu != wanted->cpu || t->vector_width != wanted->vector_width ||
            strcmp(t->platform, wanted->platform) != 0)
            continue;
        const double distance = fabs(log2((double)t->compute_units / wanted->compute_units));
        if (distance >= least) continue;
        least = distance;
        best = i;
    }
    return best;
}
