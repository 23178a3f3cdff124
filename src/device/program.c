/* Builds kernel sources into programs and kernels: common.cl followed by the family's files, with #line
 * directives so that compiler messages name the file and line. Programs are built once per context, from
 * cached binaries if they are valid. */
#include "device/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/files.h"
#include "device/embedded.h"
#include "device/pocl.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

tl_status tli_programs_open(tli_programs *programs, const tl_log *log, tl_error *err)
{
    const char *folder = getenv("TRANSLUTION_KERNEL_DIR");
    if (folder != NULL && folder[0] != '\0') {
        if (access(folder, R_OK | X_OK) != 0)
            return tli_fail(err, TL_ERROR_INPUT,
                            "TRANSLUTION_KERNEL_DIR is %s: %s; name a folder with kernel files, or unset it",
                            folder, strerror(errno));
        programs->folder = copy_text(folder);
        tli_log_write(log, TL_LOG_DETAIL, "kernels are read from %s where it has them", folder);
    }
    tli_cache_open(&programs->cache, log);
    return TL_OK;
}

static void free_program(tli_program *program)
{
    if (program->cl != NULL) clReleaseProgram(program->cl);
    free(program->family);
    free(program->options);
    free(program);
}

static void free_kernel(tli_kernel *kernel)
{
    if (kernel->cl != NULL) clReleaseKernel(kernel->cl);
    free(kernel->family);
    free(kernel->name);
    free(kernel->options);
    free(kernel->set);
    free(kernel);
}

void tli_programs_close(tli_programs *programs)
{
    for (size_t i = 0; i < programs->slots; i++)
        if (programs->table[i] != NULL) free_kernel(programs->table[i]);
    free(programs->table);
    while (programs->first != NULL) {
        tli_program *next = programs->first->next;
        free_program(programs->first);
        programs->first = next;
    }
    free(programs->folder);
    tli_cache_close(&programs->cache);
    *programs = (tli_programs){.first = NULL};
}

/* ---- sources ---------------------------------------------------------------------------------------- */

/* The text of <folder>/<family>.cl, or NULL when it cannot be read. */
static char *read_source(const char *folder, const char *family)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s.cl", folder, family);
    if (length < 0 || (size_t)length >= sizeof path) return NULL;
    size_t bytes;
    return tli_read_file(path, SIZE_MAX - 1, &bytes);
}

static char *find_source(const char *folder, const char *family)
{
    char *text = folder != NULL ? read_source(folder, family) : NULL;
    for (int i = 0; text == NULL && i < tli_embedded_kernel_count; i++)
        if (strcmp(tli_embedded_kernels[i].name, family) == 0) text = copy_text(tli_embedded_kernels[i].text);
    return text;
}

/* Appends the source of one file to *text after a #line directive; false when there is no such file. */
static bool append_source(tl_context *ctx, const char *family, char **text, bool *no_memory)
{
    char *own = find_source(ctx->programs.folder, family);
    if (own == NULL) return false;
    size_t used = *text != NULL ? strlen(*text) : 0, capacity = strlen(own) + strlen(family) + 64;
    char *grown = realloc(*text, used + capacity);
    if (grown != NULL) {
        snprintf(grown + used, capacity, "#line 1 \"kernels/%s.cl\"\n%s\n", family, own);
        *text = grown;
    } else {
        *no_memory = true;
    }
    free(own);
    return true;
}

/* common.cl and the family's files ("gemm", or several: "tile+gemm") as one string; freed by the caller. */
static tl_status whole_source(tl_context *ctx, const char *family, char **out)
{
    char parts[384];
    bool no_memory = false;
    int length = snprintf(parts, sizeof parts, "common+%s", family);
    *out = NULL;
    if (length < 0 || (size_t)length >= sizeof parts)
        return tli_fail(&ctx->error, TL_ERROR_USAGE, "the kernel family name %s is too long", family);
    for (char *part = parts; part != NULL;) {
        char *next = strchr(part, '+');
        if (next != NULL) *next++ = '\0';
        bool found = append_source(ctx, part, out, &no_memory);
        if (!found || no_memory) {
            free(*out);
            *out = NULL;
            if (no_memory)
                return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for kernels/%s.cl",
                                part);
            return tli_fail(
                &ctx->error, TL_ERROR_DEVICE, "there is no kernels/%s.cl, neither built in nor in %s", part,
                ctx->programs.folder != NULL ? ctx->programs.folder : "TRANSLUTION_KERNEL_DIR (not set)");
        }
        part = next;
    }
    return TL_OK;
}

uint64_t tli_kernel_sources_hash(tl_context *ctx)
{
    uint64_t hash = 0;
    for (int i = 0; i < tli_embedded_kernel_count; i++) {
        char *text = find_source(ctx->programs.folder, tli_embedded_kernels[i].name);
        if (text != NULL) hash = XXH3_64bits_withSeed(text, strlen(text), hash);
        free(text);
    }
    return hash;
}

/* ---- building --------------------------------------------------------------------------------------- */

/* The compiler's build log, without empty lines at either end; freed by the caller; NULL when it is empty. */
static char *build_log(cl_program program, cl_device_id device)
{
    size_t size = 0;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS)
        return NULL;
    char *text = calloc(size + 1, 1);
    if (text == NULL) return NULL;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    size_t length = strlen(text), start = strspn(text, " \n\r\t");
    while (length > start && strchr(" \n\r\t", text[length - 1]) != NULL) text[--length] = '\0';
    memmove(text, text + start, length - start + 1);
    if (text[0] != '\0') return text;
    free(text);
    return NULL;
}

static tl_status fail_build(tl_context *ctx, const char *family, const char *options, cl_program program,
                            cl_int code)
{
    char *log = build_log(program, ctx->device.device_id);
    tl_status status = tli_fail(&ctx->error, TL_ERROR_DEVICE,
                                "kernels/%s.cl does not build on %s: %s (%d) with options %s: %.1400s",
                                family, ctx->device.name, tli_cl_name(code), (int)code, options,
                                log != NULL ? log : "the driver gives no build log");
    free(log);
    return status;
}

static tl_status build_from_source(tl_context *ctx, const char *family, const char *options,
                                   const char *source, cl_program *out)
{
    cl_int code = CL_SUCCESS;
    cl_device_id device = ctx->device.device_id;
    cl_program program = clCreateProgramWithSource(ctx->cl, 1, &source, NULL, &code);
    TLI_TRY(tli_cl_check(&ctx->error, code, "handing kernels/%s.cl to the driver (clCreateProgramWithSource)",
                         family));
    code = clBuildProgram(program, 1, &device, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        tl_status status = fail_build(ctx, family, options, program, code);
        clReleaseProgram(program);
        return status;
    }
    *out = program;
    return TL_OK;
}

/* NULL when the cache has no entry or the driver rejects it; the caller then builds from source. */
static cl_program build_from_cache(tl_context *ctx, const char *family, const char *options,
                                   tli_cache_key key)
{
    unsigned char *data = NULL;
    size_t size = 0;
    if (!tli_cache_load(&ctx->programs.cache, family, key, &data, &size)) return NULL;
    cl_int code = CL_SUCCESS, status = CL_SUCCESS;
    cl_device_id device = ctx->device.device_id;
    const unsigned char *binary = data;
    cl_program program = clCreateProgramWithBinary(ctx->cl, 1, &device, &size, &binary, &status, &code);
    free(data);
    if (code == CL_SUCCESS && status == CL_SUCCESS)
        code = clBuildProgram(program, 1, &device, options, NULL, NULL);
    if (code == CL_SUCCESS && status == CL_SUCCESS) return program;
    tli_log_write(ctx->log, TL_LOG_DETAIL,
                  "the driver refuses the cached binary of kernels/%s.cl: building anew", family);
    if (program != NULL) clReleaseProgram(program);
    return NULL;
}

/* PoCL compiles a kernel at its first launch, for that launch's work-group size, and has its own on-disk
 * cache; asking it for a program's binary compiles every kernel again, for any size, which doubles the
 * time of a first start. */
static bool keeps_own_cache(const tl_device_info *device)
{
    const char *setting = getenv("POCL_KERNEL_CACHE");
    return tli_pocl_version(device) > 0 && (setting == NULL || strcmp(setting, "0") != 0);
}

static void save_to_cache(tl_context *ctx, const char *family, tli_cache_key key, cl_program program)
{
    size_t size = 0;
    if (ctx->programs.cache.folder == NULL) return;
    if (keeps_own_cache(&ctx->device)) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *data = malloc(size);
    if (data == NULL) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof data, &data, NULL) == CL_SUCCESS)
        tli_cache_save(&ctx->programs.cache, ctx->log, family, key, data, size);
    free(data);
}

static tl_status make_program(tl_context *ctx, bool cpu, const char *family, const char *options,
                              cl_program *out)
{
    const tli_kernel_form form = tli_context_form(ctx, cpu);
    /* Compilers such as PoCL's report the number of warnings on standard error, in the middle of progress
     * output: only kernel developers want to see that. */
    const char *quiet = getenv("TRANSLUTION_KERNEL_DIR") ? "" : " -w";
    char all[1024], sub_group[32] = "";
    if (form.sub_group > 0) (void)snprintf(sub_group, sizeof sub_group, " -DTL_SUB_GROUP=%u", form.sub_group);
    int length = snprintf(all, sizeof all, "-cl-std=CL1.2%s -DTL_CPU=%d -DTL_VW=%u -DTL_GROUP=%u%s%s%s",
                          quiet, cpu ? 1 : 0, form.vector_width, form.row_group, sub_group,
                          options[0] != '\0' ? " " : "", options);
    if (length < 0 || (size_t)length >= sizeof all)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "the build options of kernels/%s.cl are too long: %.200s...", family, options);
    char *source = NULL;
    TLI_TRY(whole_source(ctx, family, &source));
    if (ctx->dry.sink != NULL) {
        const uint64_t hash = XXH3_64bits_withSeed(source, strlen(source), XXH3_64bits(all, strlen(all)));
        const tl_status taken = ctx->dry.sink(ctx->dry.user, family, all, source, hash, &ctx->error);
        free(source);
        return taken;
    }
    tli_cache_key key = tli_cache_key_make(&ctx->device, all, source);
    tl_status status = TL_OK;
    *out = build_from_cache(ctx, family, all, key);
    if (*out == NULL) {
        tli_log_write(ctx->log, TL_LOG_DETAIL, "building kernels/%s.cl %s", family, options);
        status = build_from_source(ctx, family, all, source, out);
        if (status == TL_OK) save_to_cache(ctx, family, key, *out);
    }
    free(source);
    return status;
}

static tl_status get_program(tl_context *ctx, bool cpu, const char *family, const char *options,
                             cl_program *out)
{
    for (tli_program *p = ctx->programs.first; p != NULL; p = p->next)
        if (p->cpu == cpu && strcmp(p->family, family) == 0 && strcmp(p->options, options) == 0) {
            *out = p->cl;
            return TL_OK;
        }
    tli_program *program = calloc(1, sizeof *program);
    if (program != NULL) {
        program->cpu = cpu;
        program->family = copy_text(family);
        program->options = copy_text(options);
    }
    if (program == NULL || program->family == NULL || program->options == NULL) {
        if (program != NULL) free_program(program);
        return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for kernels/%s.cl",
                        family);
    }
    tl_status status = make_program(ctx, cpu, family, options, &program->cl);
    if (status != TL_OK) {
        free_program(program);
        return status;
    }
    program->next = ctx->programs.first;
    ctx->programs.first = program;
    *out = program->cl;
    return TL_OK;
}

/* ---- kernels ---------------------------------------------------------------------------------------- */

static uint64_t kernel_hash(bool cpu, const char *family, const char *name, const char *options)
{
    uint64_t hash = XXH3_64bits_withSeed(family, strlen(family), cpu ? 1 : 0);
    hash = XXH3_64bits_withSeed(name, strlen(name), hash);
    return XXH3_64bits_withSeed(options, strlen(options), hash);
}

/* The slot that holds this kernel, or the empty one where it would go; the table is never full. */
static tli_kernel **find_slot(const tli_programs *programs, bool cpu, const char *family, const char *name,
                              const char *options)
{
    size_t at = (size_t)kernel_hash(cpu, family, name, options) & (programs->slots - 1);
    for (;; at = (at + 1) & (programs->slots - 1)) {
        tli_kernel *kernel = programs->table[at];
        if (kernel == NULL || (kernel->cpu == cpu && strcmp(kernel->name, name) == 0 &&
                               strcmp(kernel->family, family) == 0 && strcmp(kernel->options, options) == 0))
            return &programs->table[at];
    }
}

/* Grows the table so that at most half is used. */
static bool grow_table(tli_programs *programs)
{
    if ((programs->count + 1) * 2 <= programs->slots) return true;
    tli_programs grown = *programs;
    grown.slots = programs->slots > 0 ? programs->slots * 2 : 128;
    grown.table = calloc(grown.slots, sizeof(tli_kernel *));
    if (grown.table == NULL) return false;
    for (size_t i = 0; i < programs->slots; i++) {
        tli_kernel *kernel = programs->table[i];
        if (kernel != NULL)
            *find_slot(&grown, kernel->cpu, kernel->family, kernel->name, kernel->options) = kernel;
    }
    free(programs->table);
    *programs = grown;
    return true;
}

static tl_status ask_kernel(tl_context *ctx, tli_kernel *kernel, cl_program program)
{
    cl_int code = CL_SUCCESS;
    cl_device_id device = ctx->device.device_id;
    if (ctx->dry.sink != NULL) return TL_OK;
    kernel->cl = clCreateKernel(program, kernel->name, &code);
    TLI_TRY(tli_cl_check(&ctx->error, code, "looking for kernel %s in kernels/%s.cl (clCreateKernel)",
                         kernel->name, kernel->family));
    code = clGetKernelInfo(kernel->cl, CL_KERNEL_NUM_ARGS, sizeof kernel->args, &kernel->args, NULL);
    if (code == CL_SUCCESS)
        code = clGetKernelWorkGroupInfo(kernel->cl, device, CL_KERNEL_WORK_GROUP_SIZE,
                                        sizeof kernel->max_items, &kernel->max_items, NULL);
    return tli_cl_check(&ctx->error, code, "asking for the limits of kernel %s of kernels/%s.cl",
                        kernel->name, kernel->family);
}

static tl_status make_kernel(tl_context *ctx, bool cpu, const char *family, const char *name,
                             const char *options, tli_kernel **out)
{
    cl_program program = NULL;
    TLI_TRY(get_program(ctx, cpu, family, options, &program));
    tli_kernel *kernel = calloc(1, sizeof *kernel);
    if (kernel != NULL) {
        kernel->cpu = cpu;
        kernel->family = copy_text(family);
        kernel->name = copy_text(name);
        kernel->options = copy_text(options);
        kernel->profile = -1;
    }
    if (kernel == NULL || kernel->family == NULL || kernel->name == NULL || kernel->options == NULL ||
        !grow_table(&ctx->programs)) {
        if (kernel != NULL) free_kernel(kernel);
        return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for kernel %s", name);
    }
    tl_status status = ask_kernel(ctx, kernel, program);
    if (status != TL_OK) {
        free_kernel(kernel);
        return status;
    }
    *find_slot(&ctx->programs, cpu, family, name, options) = kernel;
    ctx->programs.count++;
    *out = kernel;
    return TL_OK;
}

tl_status tli_kernel_get_form(tl_context *ctx, bool cpu, const char *family, const char *name,
                              const char *options, tli_kernel **out)
{
    if (options == NULL) options = "";
    *out = ctx->programs.slots > 0 ? *find_slot(&ctx->programs, cpu, family, name, options) : NULL;
    return *out != NULL ? TL_OK : make_kernel(ctx, cpu, family, name, options, out);
}

tl_status tli_kernel_get(tl_context *ctx, const char *family, const char *name, const char *options,
                         tli_kernel **out)
{
    return tli_kernel_get_form(ctx, ctx->limits.cpu_path, family, name, options, out);
}
