/* The operation alone, on buffers, a queue and a context that belong to this program and not to the library:
 * an alpha-Translution layer reads x and writes o, both plain cl_mem, and a kernel of this program goes on
 * with o.
 *
 *   cc operation.c $(pkg-config --cflags --libs translution OpenCL) -lm -o operation && ./operation */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <translution/translution.h>

enum { HEIGHT = 4, WIDTH = 5, BATCH = 2, DIM = 24, HEADS = 2, HEAD_DIM = 12 };
enum { ROWS = HEIGHT * WIDTH * BATCH, INPUTS = ROWS * DIM, OUTPUTS = ROWS * HEADS * HEAD_DIM };

static const char double_source[] = "__kernel void twice(__global float *o) { o[get_global_id(0)] *= 2.0f; }";

static void check(cl_int code, const char *what)
{
    if (code == CL_SUCCESS) return;
    fprintf(stderr, "%s failed: OpenCL code %d\n", what, (int)code);
    exit(1);
}

static void must(tl_status status, const tl_error *error)
{
    if (status == TL_OK) return;
    fprintf(stderr, "%s\n", error->text);
    exit(tl_exit_code(status));
}

/* What any OpenCL program has: a context, an in-order queue, and two buffers. */
typedef struct mine {
    cl_context context;
    cl_command_queue queue;
    cl_mem x, o;
} mine;

static mine set_up(cl_device_id device)
{
    cl_int code;
    mine m = {.context = clCreateContext(NULL, 1, &device, NULL, NULL, &code)};
    check(code, "clCreateContext");
    m.queue = clCreateCommandQueue(m.context, device, 0, &code);
    check(code, "clCreateCommandQueue");
    m.x = clCreateBuffer(m.context, CL_MEM_READ_WRITE, INPUTS * sizeof(float), NULL, &code);
    check(code, "clCreateBuffer");
    m.o = clCreateBuffer(m.context, CL_MEM_READ_WRITE, OUTPUTS * sizeof(float), NULL, &code);
    check(code, "clCreateBuffer");
    float x[INPUTS]; /* [token][batch][channel] */
    for (int i = 0; i < INPUTS; i++) x[i] = (float)sin(0.37 * i);
    check(clEnqueueWriteBuffer(m.queue, m.x, CL_TRUE, 0, sizeof x, x, 0, NULL, NULL), "clEnqueueWriteBuffer");
    return m;
}

/* The library's work and this program's go into one queue, so nothing has to be waited for in between. */
static void run(const mine *m, tl_context *ctx, cl_kernel twice, float *result)
{
    const tl_layer_config config = {.size = sizeof config,
                                    .op = TL_OP_ALPHA,
                                    .height = HEIGHT,
                                    .width = WIDTH,
                                    .batch = BATCH,
                                    .dim = DIM,
                                    .heads = HEADS,
                                    .head_dim = HEAD_DIM,
                                    .relenc_dim = 4};
    const size_t outputs = OUTPUTS;
    tl_layer *layer = NULL;
    tl_tensor *x = NULL, *o = NULL;
    must(tl_tensor_adopt(ctx, "x", m->x, 1, INPUTS, &x), tl_context_error(ctx));
    must(tl_tensor_adopt(ctx, "o", m->o, 1, OUTPUTS, &o), tl_context_error(ctx));
    must(tl_layer_create(ctx, &config, 1, &layer), tl_context_error(ctx));
    must(tl_layer_forward(ctx, layer, x, o), tl_context_error(ctx));
    check(clSetKernelArg(twice, 0, sizeof m->o, &m->o), "clSetKernelArg");
    check(clEnqueueNDRangeKernel(m->queue, twice, 1, NULL, &outputs, NULL, 0, NULL, NULL), "twice");
    check(clEnqueueReadBuffer(m->queue, m->o, CL_TRUE, 0, OUTPUTS * sizeof(float), result, 0, NULL, NULL),
          "clEnqueueReadBuffer");
    tl_layer_destroy(ctx, layer);
    tl_tensor_destroy(ctx, x); /* lets go of the buffers; they stay this program's */
    tl_tensor_destroy(ctx, o);
}

int main(void)
{
    tl_device_info *list = NULL;
    tl_context *ctx = NULL;
    tl_error error = {TL_OK, ""};
    int count = 0, chosen = 0;
    must(tl_device_list(&list, &count, &error), &error);
    must(tl_device_select(list, count, getenv("TRANSLUTION_DEVICE"), &chosen, &error), &error);
    mine m = set_up((cl_device_id)list[chosen].device_id);
    free(list);
    must(tl_context_adopt(m.context, m.queue, NULL, &ctx, &error), &error);
    cl_int code;
    const char *source = double_source;
    cl_program program = clCreateProgramWithSource(m.context, 1, &source, NULL, &code);
    check(code, "clCreateProgramWithSource");
    check(clBuildProgram(program, 0, NULL, "-cl-std=CL1.2", NULL, NULL), "clBuildProgram");
    cl_kernel twice = clCreateKernel(program, "twice", &code);
    check(code, "clCreateKernel");

    static float result[OUTPUTS];
    run(&m, ctx, twice, result);
    tl_context_destroy(ctx); /* the queue and the context stay this program's, too */
    double sum = 0;
    for (int i = 0; i < OUTPUTS; i++) sum += fabs((double)result[i]);
    printf("mean of |2 o| over %d numbers: %.6f\n", (int)OUTPUTS, sum / (double)OUTPUTS);

    clReleaseKernel(twice);
    clReleaseProgram(program);
    clReleaseMemObject(m.x);
    clReleaseMemObject(m.o);
    clReleaseCommandQueue(m.queue);
    clReleaseContext(m.context);
    return sum > 0 && isfinite(sum) ? 0 : 1;
}
