/* translution devices: lists every OpenCL device, usable or not, and which one a run would use. */
#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "core/choices.h"
#include "core/number.h"
#include "core/variable.h"

static cJSON *device_json(const tl_device_info *d, bool chosen)
{
    char id[32];
    snprintf(id, sizeof id, "%d:%d", d->platform, d->device);
    cJSON *o = cJSON_CreateObject();
    tli_json_add_text(o, "id", id);
    cJSON_AddNumberToObject(o, "platform", d->platform);
    cJSON_AddNumberToObject(o, "device", d->device);
    tli_json_add_text(o, "platform_name", d->platform_name);
    tli_json_add_text(o, "platform_version", d->platform_version);
    tli_json_add_text(o, "name", d->name);
    tli_json_add_text(o, "type", tl_device_type_name(d->type));
    tli_json_add_text(o, "version", d->version);
    tli_json_add_text(o, "c_version", d->c_version);
    tli_json_add_text(o, "driver", d->driver);
    cJSON_AddNumberToObject(o, "global_bytes", (double)d->global_bytes);
    cJSON_AddNumberToObject(o, "max_alloc_bytes", (double)d->max_alloc_bytes);
    cJSON_AddNumberToObject(o, "local_bytes", (double)d->local_bytes);
    cJSON_AddNumberToObject(o, "compute_units", d->compute_units);
    cJSON_AddNumberToObject(o, "max_work_group", d->max_work_group);
    cJSON_AddBoolToObject(o, "unified_memory", d->unified_memory);
    cJSON_AddBoolToObject(o, "fp16", d->fp16);
    cJSON_AddBoolToObject(o, "fp64", d->fp64);
    cJSON_AddBoolToObject(o, "usable", d->usable);
    tli_json_add_text(o, "reason", d->reason);
    cJSON_AddBoolToObject(o, "chosen", chosen);
    return o;
}

static tl_status print_json(const tl_device_info *list, int count, int chosen, tl_error *err)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++) cJSON_AddItemToArray(array, device_json(&list[i], i == chosen));
    return tli_cli_print_json(array, err);
}

static void print_device(const tl_device_info *d, bool chosen)
{
    char name[128], platform[128];
    printf("%d:%d %c %-5s %s (%s)\n", d->platform, d->device, chosen ? '*' : ' ',
           tl_device_type_name(d->type), tli_cli_plain(d->name, name, sizeof name),
           tli_cli_plain(d->platform_name, platform, sizeof platform));
    printf("      %s, %s, driver %s\n", d->version, d->c_version, d->driver);
    printf("      memory %s, largest allocation %s, local %s, %u compute units, fp16 %s, fp64 %s\n",
           TLI_SIZE(d->global_bytes), TLI_SIZE(d->max_alloc_bytes), TLI_SIZE(d->local_bytes),
           d->compute_units, d->fp16 ? "yes" : "no", d->fp64 ? "yes" : "no");
    if (d->type == TL_DEVICE_GPU)
        printf("      kernels: those for GPUs, which the project has checked without a GPU and never run on "
               "one: see whether "
               "`translution devices --self-test --device %d:%d` calls all of them right\n",
               d->platform, d->device);
    if (d->usable)
        printf("      usable: yes\n");
    else
        printf("      usable: no, %s\n", d->reason);
}

/* ---- --self-test ---------------------------------------------------------------------------------- */

enum { PRECISIONS = 8 }; /* at most */

/* A precision of matrix products other than fp32, as a row of the table. */
typedef struct precision_row {
    const char *name;
    bool tried;
    double error;
} precision_row;

static cJSON *self_test_json(const char *kernels, const char *form, double error)
{
    cJSON *o = cJSON_CreateObject();
    tli_json_add_text(o, "kernels", kernels);
    tli_json_add_text(o, "form", form);
    if (isfinite(error))
        cJSON_AddNumberToObject(o, "error", error);
    else
        cJSON_AddNullToObject(o, "error");
    cJSON_AddBoolToObject(o, "right", error <= 1);
    return o;
}

static tl_status print_rows_json(const tl_self_test_row *rows, int count, const precision_row *precisions,
                                 int precision_count, tl_error *err)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++)
        cJSON_AddItemToArray(array, self_test_json(rows[i].kernels,
                                                   tli_choice_name(&tli_path_choices, (int)rows[i].form),
                                                   rows[i].error));
    for (int i = 0; i < precision_count; i++) {
        if (!precisions[i].tried) continue;
        cJSON *o = self_test_json("tensor cores", tli_choice_name(&tli_path_choices, TL_PATH_GPU),
                                  precisions[i].error);
        tli_json_add_text(o, "precision", precisions[i].name);
        cJSON_AddItemToArray(array, o);
    }
    return tli_cli_print_json(array, err);
}

static void print_row(const char *kernels, const char *form, double error)
{
    printf("%-16s %-5s %6.3g %s\n", kernels, form, error, error <= 1 ? "right" : "WRONG");
}

static void print_rows(const tl_self_test_row *rows, int count, const precision_row *precisions,
                       int precision_count)
{
    printf("kernels          form   error  (in units of what rounding explains)\n");
    for (int i = 0; i < count; i++)
        print_row(rows[i].kernels, tli_choice_name(&tli_path_choices, (int)rows[i].form), rows[i].error);
    for (int i = 0; i < precision_count; i++) {
        char name[40];
        snprintf(name, sizeof name, "in %s", precisions[i].name);
        if (precisions[i].tried)
            print_row(name, tli_choice_name(&tli_path_choices, TL_PATH_GPU), precisions[i].error);
        else
            printf("%-16s %-5s not tried: needs a GPU whose tensor cores have it\n", name,
                   tli_choice_name(&tli_path_choices, TL_PATH_GPU));
    }
}

static tl_status self_test(tli_cli_options *o, tl_context *ctx)
{
    tl_self_test_row rows[TL_SELF_TEST_ROWS];
    precision_row precisions[PRECISIONS];
    int count = 0, precision_count = 0;
    const tl_status status = tl_self_test(ctx, TL_PATH_AUTO, rows, TL_SELF_TEST_ROWS, &count);
    for (int i = 0; count > 0 && i < tli_precision_choices.count && precision_count < PRECISIONS; i++) {
        const choice *c = &tli_precision_choices.items[i];
        precision_row *p = &precisions[precision_count];
        if (c->value == TL_PRECISION_FP32) continue; /* the rows themselves */
        p->name = c->name;
        TLI_TRY(tl_precision_test(ctx, (tl_precision)c->value, &p->tried, &p->error));
        precision_count++;
    }
    if (count > 0 && o->json)
        TLI_TRY(print_rows_json(rows, count, precisions, precision_count, tl_context_error(ctx)));
    else if (count > 0)
        print_rows(rows, count, precisions, precision_count);
    return status;
}

tl_status tli_cmd_devices(tli_cli_options *o, tl_error *err)
{
    tl_device_info *list = NULL;
    int count = 0, chosen = -1;
    if (o->self_test) return tli_cli_on_device(o, err, self_test);
    TLI_TRY(tli_variables_check(err)); /* as a run does, which would take the device shown as chosen */
    TLI_TRY(tl_device_list(&list, &count, err));
    tl_status status = tl_device_select(list, count, o->device[0] != '\0' ? o->device : NULL, &chosen, err);
    if (status != TL_OK) chosen = -1;
    if (o->json) {
        tl_status printed = print_json(list, count, chosen, err);
        if (status == TL_OK) status = printed;
    } else {
        for (int i = 0; i < count; i++) print_device(&list[i], i == chosen);
        if (chosen >= 0) printf("* a run takes this one unless --device says otherwise\n");
    }
    free(list);
    return status;
}
