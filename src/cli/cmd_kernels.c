/* translution kernels: writes every program that the models take as complete source, without running any. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/choices.h"
#include "core/files.h"
#include "device/device.h"
#include "ops/gemm_tensor.h"
#include "ops/kernel_forms.h"
#include "ops/offset_gemm_block.h"
#include "ops/offset_gemm_tensor.h"
#include "train/every_program.h"

typedef struct dump {
    const char *folder;
    int count;
} dump;

/* Programs of matrix units, and of blocks of tokens. */
static const struct {
    const char *files, *name;
} other_programs[] = {{TLI_GEMM_MMA_FILES, "gemm_mma"},
                      {TLI_GEMM_MFMA_FILES, "gemm_mfma"},
                      {TLI_GEMM_DPAS_FILES, "gemm_dpas"},
                      {TLI_OFFSET_GEMM_MMA_FILES, "offset_gemm_mma"},
                      {TLI_OFFSET_GEMM_MFMA_FILES, "offset_gemm_mfma"},
                      {TLI_OFFSET_GEMM_DPAS_FILES, "offset_gemm_dpas"},
                      {TLI_OFFSET_GEMM_BLOCK_FILES, "offset_gemm_block_gpu"}};

/* What begins the file's name: the last of the program's files, its unit or blocks, or that it has what needs no options together. */
static const char *program_name(const char *files)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) {
        const tli_kernel_family *family = &tli_kernel_families[i];
        if (strcmp(files, family->cpu_files) == 0) return tli_kernel_family_file(family, true);
        if (family->gpu_files != NULL && strcmp(files, family->gpu_files) == 0)
            return tli_kernel_family_file(family, false);
    }
    for (size_t i = 0; i < sizeof other_programs / sizeof *other_programs; i++)
        if (strcmp(files, other_programs[i].files) == 0) return other_programs[i].name;
    return "together";
}

static tl_status write_program(void *user, const char *family, const char *options, const char *source,
                               uint64_t hash, tl_error *err)
{
    dump *d = user;
    char path[1200];
    snprintf(path, sizeof path, "%s/%s-%016" PRIx64 ".cl", d->folder, program_name(family), hash);
    FILE *file = fopen(path, "w");
    if (file == NULL) return tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    fprintf(file, "// options: %s\n%s", options, source);
    const bool bad = ferror(file) != 0;
    if (fclose(file) != 0 || bad)
        return tli_fail(err, TL_ERROR_IO, "cannot write %s: %s; make room there, or choose another folder",
                        path, strerror(errno));
    d->count++;
    return TL_OK;
}

tl_status tli_cli_need_gpu_form(tl_context *ctx)
{
    if (!tli_context_limits(ctx)->cpu_path) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "%s has no work-groups of the size that the kernels for GPUs have: choose another "
                    "--device, whose programs are those of any GPU",
                    tl_context_device(ctx)->name);
}

static tl_status kernels_run(tli_cli_options *o, tl_context *ctx)
{
    dump d = {.folder = o->dump};
    const char *form = tli_choice_name(&tli_path_choices,
                                       tli_context_limits(ctx)->cpu_path ? TL_PATH_CPU : TL_PATH_GPU);
    if (o->kernel_path == TL_PATH_GPU) TLI_TRY(tli_cli_need_gpu_form(ctx));
    TLI_TRY(tli_context_dry(ctx, write_program, &d));
    TLI_TRY(tli_every_program(ctx));
    printf("%d programs, in the form for %ss, in %s\n", d.count, form, d.folder);
    return TL_OK;
}

tl_status tli_cmd_kernels(tli_cli_options *o, tl_error *err)
{
    if (o->argument != NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "kernels takes no word like '%s'; see `translution kernels --help`", o->argument);
    if (o->dump[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE, "kernels needs --dump DIR, the folder for the programs");
    tli_folders folders;
    const int code = tli_make_folders(o->dump, &folders);
    if (code != 0 || access(o->dump, W_OK | X_OK) != 0)
        return tli_fail(err, TL_ERROR_INPUT, "cannot write the folder %s: %s; choose another --dump", o->dump,
                        strerror(code != 0 ? code : errno));
    o->gemm = TL_GEMM_OWN; /* CLBlast makes its own programs */
    return tli_cli_on_device(o, err, kernels_run);
}
