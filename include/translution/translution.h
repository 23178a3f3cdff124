/* translution: attention, Translution and alpha-Translution, trained and used on any OpenCL device.
 *
 * This header is the manual of the library. What one does, in this order:
 *
 *   1. tl_context_create       a device, and the queue of its work
 *   2. tl_model_create / open  a Vision Transformer or a GPT: from a configuration, or from a file
 *   3. tl_optimizer_create     AdamW or Lion over the model's parameters
 *   4. in a loop               tl_model_forward, tl_model_loss, tl_model_backward, tl_optimizer_step
 *   5. tl_model_save           a .safetensors file, which `translution info` shows
 *
 * tl_trainer does 2 to 5 with schedule, evaluation, checkpoints and resume, on your data or on a built-in task;
 * tl_layer is the operation alone, on your buffers. A complete program, which trains a Vision Transformer with
 * alpha-Translution on drawn digits:
 *
 *   #include <stdio.h>
 *   #include <translution/translution.h>
 *
 *   int main(void)
 *   {
 *       tl_context *ctx = NULL;
 *       tl_error error;
 *       tl_settings settings;
 *       tl_result result;
 *       if (tl_context_create(NULL, &ctx, &error) != TL_OK) return puts(error.text), 1;
 *       tl_settings_default(&settings, "mnist");
 *       settings.model.op = TL_OP_ALPHA;
 *       settings.training.epochs = 2;
 *       if (tl_train(ctx, &settings, NULL, &result) != TL_OK) return puts(tl_context_error(ctx)->text), 1;
 *       printf("%llu steps, weights in %s\n", (unsigned long long)result.steps, result.out);
 *       tl_context_destroy(ctx);
 *       return 0;
 *   }
 *
 * Objects, and who may use what:
 *
 *   tl_context     one device and one in-order queue. Everything below belongs to one context and is
 *                  destroyed with it. Contexts are independent: use each from one thread at a time.
 *   tl_tensor      32-bit floats on the device
 *   tl_layer       one operation: forward, backward, parameters
 *   tl_model       embedding, blocks, head and loss
 *   tl_optimizer   updates any set of parameters, of layers, models or your own tensors
 *   tl_trainer     a whole run
 *   tl_predictor, tl_tokenizer, tl_file   a saved image model, a vocabulary, a .safetensors file
 *   tl_metrics     what a run wrote down of its steps and evaluations
 *
 * Conventions:
 *
 *   Errors      A function that can fail returns a tl_status; TL_OK is 0. Its message, one sentence, is in
 *               tl_context_error(ctx) or, for functions without a context, in the tl_error that the caller
 *               passes; it names fields in backquotes: `training.batch_size`. Wrong arguments are refused
 *               with TL_ERROR_USAGE: NULL where a value is required, numbers out of range, calls in the
 *               wrong order, objects of another context or destroyed ones. Not detected: a destroyed
 *               context, and arrays shorter than stated.
 *   NULL        As an output that may be NULL: not wanted. As options or a name: the default. Every
 *               _destroy allows it.
 *   Lifetimes   Strings and arrays passed in are copied before the call returns, unless the function says
 *               otherwise. Strings returned belong to the object that returned them.
 *   Waiting     Functions that compute enqueue and return; those that read (read, report, finish) wait.
 *   Aliasing    An output tensor is none of the inputs, unless the function says otherwise.
 *   Threads     No global state but a lock around the initialisation of drivers, and the variables below. Two
 *               contexts may be used by two threads at once, also on one device.
 *   Environment The first context on a device of PoCL 7 or newer sets POCL_WORK_GROUP_SPECIALIZATION=0, unless
 *               it is set, and removes POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable: that PoCL computes wrongly
 *               otherwise. Make that context before other threads read the environment, or set them so yourself.
 *   Output      The library never exits and prints only to a FILE or tl_log that the caller passes.
 *   Locale      Files, settings and messages have a decimal point whatever the locale is.
 *   Layout      Activations are [token][batch][channel], images [sample][channel][depth][height][width],
 *               token ids [sample][position]; all in C order.
 *   Sizes       A configuration is a struct whose first member is its size, set to sizeof by the caller.
 *               Members that a caller does not name are 0: their default.
 *   ABI         Within a major version (while that is 0: a minor one) a program that was linked to an
 *               earlier library runs with a later one. Functions and members are only added: members at the
 *               end of configurations, which `size` tells, and in the room that results reserve.
 *
 * Link with `pkg-config --cflags --libs translution`, or from CMake with find_package(translution) and the
 * target translution::translution. The shared library exports what this header declares and nothing else.
 * docs/library.md walks through the examples. */
#ifndef TRANSLUTION_TRANSLUTION_H
#define TRANSLUTION_TRANSLUTION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* all else in the library is hidden */
#endif

#define TL_VERSION_MAJOR 0
#define TL_VERSION_MINOR 3
#define TL_VERSION_PATCH 0

/* ---- status -------------------------------------------------------------------------------------- */

typedef enum tl_status {
    TL_OK = 0,
    TL_ERROR_USAGE,     /* a wrong option, shape or value: the caller must change the request   (exit 2) */
    TL_ERROR_INPUT,     /* a file is missing, malformed, truncated or does not fit the request  (exit 2) */
    TL_ERROR_NO_DEVICE, /* no usable OpenCL device at all                                       (exit 1) */
    TL_ERROR_MEMORY,    /* the plan or an allocation does not fit the device or the host        (exit 2) */
    TL_ERROR_DEVICE,    /* an OpenCL call failed while running                                  (exit 1) */
    TL_ERROR_IO,        /* a result could not be written                                        (exit 1) */
    TL_INTERRUPTED /* stopped on request after saving                                 (exit 128 + signal) */
} tl_status;

typedef struct tl_error {
    tl_status status;
    char text[2048]; /* one sentence naming the problem and what to do; empty while status is TL_OK */
} tl_error;

/* The program's exit code of a status; TL_INTERRUPTED gives 130. */
int tl_exit_code(tl_status status);

/* ---- log ----------------------------------------------------------------------------------------- */

typedef enum tl_log_level { TL_LOG_ERROR, TL_LOG_NOTICE, TL_LOG_DETAIL } tl_log_level;

/* Destination of log messages. A NULL tl_log is silent. */
typedef struct tl_log {
    tl_log_level level; /* messages above this level are dropped */
    void (*write)(void *user, tl_log_level level, const char *line); /* line has no newline */
    void *user;
} tl_log;

/* ---- devices ------------------------------------------------------------------------------------- */

typedef enum tl_device_type {
    TL_DEVICE_CPU,
    TL_DEVICE_GPU,
    TL_DEVICE_ACCELERATOR,
    TL_DEVICE_OTHER
} tl_device_type;

typedef struct tl_device_info {
    int platform, device; /* P:D, in the order of `clinfo -l` */
    char platform_name[128], platform_version[128], name[128], version[128], driver[128], c_version[128];
    tl_device_type type;
    uint64_t global_bytes, max_alloc_bytes, local_bytes;
    uint32_t compute_units, max_work_group, native_float_width,
        align_bytes; /* align_bytes: sub-buffer origins */
    bool unified_memory, fp16, fp64;
    bool usable;
    char reason[128];              /* why not usable; empty when usable */
    void *platform_id, *device_id; /* cl_platform_id, cl_device_id */
} tl_device_info;

/* All devices of all platforms, including unusable ones, in an array to be freed with free(). No platform
 * or no device gives *count = 0 and TL_OK; tl_device_select then says which of the two. Threads may call
 * this and tl_context_create concurrently, also for the first time: drivers are initialised under a lock. */
tl_status tl_device_list(tl_device_info **list, int *count, tl_error *err);

/* Selects a device by SPEC: "P:D", "gpu" | "cpu" | "acc" (first usable one of that type), an index in the
 * list, "auto" or NULL (discrete GPU, then integrated, then CPU; most memory first), "auto:N" (the N-th
 * from that one on, which is number 0, of its platform's usable devices of its type, in a circle), else a
 * case-insensitive substring of "platform / device" that must match one device. TL_ERROR_NO_DEVICE when
 * the list has no usable device; TL_ERROR_USAGE when SPEC matches none, several (the message lists them)
 * or an unusable one. */
tl_status tl_device_select(const tl_device_info *list, int count, const char *spec, int *chosen,
                           tl_error *err);

const char *tl_device_type_name(tl_device_type type); /* "cpu", "gpu", "acc", "other"; "?": no such type */

/* ---- context ------------------------------------------------------------------------------------- */

typedef struct tl_context tl_context;

/* Form of the tiled kernels: register tiles with one work-item per work-group (CPUs), or local-memory
 * tiles with many work-items per work-group (GPUs). AUTO: by the device's type. */
typedef enum tl_kernel_path { TL_PATH_AUTO, TL_PATH_CPU, TL_PATH_GPU } tl_kernel_path;

/* How much a step on this device computes at a time, for tl_model_config.chunk_bytes: 0 where it takes the form for CPUs, and for NULL; in
 * the form for GPUs a 32nd of `memory_limit` (0: of the device's memory), rounded down to a power of two, but 64 MiB at least and 512 MiB at
 * most. */
uint64_t tl_device_chunk_bytes(const tl_device_info *device, tl_kernel_path path, uint64_t memory_limit);

/* GEMM implementation. AUTO: the project's kernels on CPUs; on GPUs whichever `tune` measured to be faster
 * or, if not tuned, CLBlast for large products. OWN: the project's; in training also those by matrix cores of
 * AMD's CDNA in fp32. CLBLAST: wherever possible. */
typedef enum tl_gemm_mode { TL_GEMM_AUTO, TL_GEMM_OWN, TL_GEMM_CLBLAST } tl_gemm_mode;

/* What matrix products round their operands to; sums are fp32 always. FP32: not at all. The others need tensor cores
 * (BF16: NVIDIA's, AMD's or Intel's, the rest NVIDIA's) and give up digits for speed: TF32 has 10 bits of mantissa and BF16 7, TF32X3 splits each
 * operand into two TF32 numbers and has about the error of FP32. */
typedef enum tl_precision {
    TL_PRECISION_FP32,
    TL_PRECISION_TF32X3,
    TL_PRECISION_TF32,
    TL_PRECISION_BF16
} tl_precision;

typedef struct tl_context_options {
    size_t size;        /* sizeof(tl_context_options) */
    const char *device; /* SPEC; NULL: auto */
    tl_gemm_mode gemm;
    tl_kernel_path path;
    bool profile;             /* time every kernel by events: see tl_profile_read */
    uint64_t memory_limit;    /* limit for all tensors together; 0: the device's global memory */
    uint64_t max_alloc_bytes; /* treats the device as if its largest buffer were smaller: more shards; 0: as
                                 it is */
    const tl_log *log;        /* may be NULL; must outlive the context */
} tl_context_options;

tl_status tl_context_create(const tl_context_options *options, tl_context **out, tl_error *err);
/* A context on the caller's own cl_context, in-order cl_command_queue and their device, so that the
 * library can use the caller's buffers (tl_tensor_adopt), in the order in which both enqueue. The three
 * are retained, and released by tl_context_destroy. `options->device` is ignored; `profile` needs a queue
 * created with profiling. */
tl_status tl_context_adopt(void *cl_context, void *cl_command_queue, const tl_context_options *options,
                           tl_context **out, tl_error *err);
void tl_context_destroy(tl_context *ctx);
/* Message of the last function that failed on this context; owned by it. NULL for NULL. */
tl_error *tl_context_error(tl_context *ctx);
const tl_device_info *tl_context_device(const tl_context *ctx);
/* Waits for all enqueued work. */
tl_status tl_finish(tl_context *ctx);

/* ---- tensors ------------------------------------------------------------------------------------- */

/* Memory accounting: what a tensor is used for. */
typedef enum tl_memory_kind {
    TL_MEMORY_PARAMETER,
    TL_MEMORY_GRADIENT,
    TL_MEMORY_MOMENT,
    TL_MEMORY_ACTIVATION,
    TL_MEMORY_WORKSPACE,
    TL_MEMORY_DATA,
    TL_MEMORY_KINDS
} tl_memory_kind;

const char *tl_memory_kind_name(tl_memory_kind kind); /* "parameters", "gradients", ...; "?": no such kind */
uint64_t tl_memory_used(const tl_context *ctx, tl_memory_kind kind);
uint64_t tl_memory_peak(const tl_context *ctx); /* peak of all kinds together */

/* [lead][row] floats on the device, owned by the context. A tensor larger than the device's largest
 * allocation is split into shards along `lead`; with lead 1 it cannot be split. */
typedef struct tl_tensor tl_tensor;

/* Zero-filled. TL_ERROR_MEMORY, naming the tensor and the sizes, when the memory limit or the largest
 * allocation is exceeded. */
tl_status tl_tensor_create(tl_context *ctx, const char *name, tl_memory_kind kind, uint64_t lead,
                           uint64_t row, tl_tensor **out);
/* A tensor on the caller's own cl_mem of at least lead * row floats, created in the context that `ctx`
 * adopted; its contents are unchanged. The cl_mem is retained, and released by tl_tensor_destroy. It does
 * not count as memory used. */
tl_status tl_tensor_adopt(tl_context *ctx, const char *name, void *cl_mem, uint64_t lead, uint64_t row,
                          tl_tensor **out);
/* If the tensor does not belong to this context, or was destroyed, only sets the error message. */
void tl_tensor_destroy(tl_context *ctx, tl_tensor *tensor);
/* Blocking copies of elements [at, at + count) between the host and [lead][row] order. */
tl_status tl_tensor_write(tl_context *ctx, tl_tensor *tensor, uint64_t at, uint64_t count,
                          const void *source);
tl_status tl_tensor_read(tl_context *ctx, const tl_tensor *tensor, uint64_t at, uint64_t count, void *target);

/* ---- operations ----------------------------------------------------------------------------------- */

typedef enum tl_op_kind {
    TL_OP_ATTENTION,
    TL_OP_TRANSLUTION,
    TL_OP_ALPHA,
    TL_OP_ALPHA_PURE, /* alpha without the shared path: W = W1 W_offset, for v W1 W_offset W2 */
    TL_OP_ABSOLUTE,   /* Translution with one matrix per pair of tokens instead of per offset */
    TL_OP_CONV        /* a convolution: the sum of x_j Wv[offset] over a window */
} tl_op_kind;

/* How offsets beyond a radius share matrices, on each axis. */
typedef enum tl_sharing {
    TL_SHARING_NONE,
    TL_SHARING_CLIP, /* all use the radius's */
    TL_SHARING_LOG   /* by octaves: (R, 2R], (2R, 4R], ... */
} tl_sharing;

/* Per-offset roles: which of q, k and v have a matrix per offset, an OR of these. 0: all three. */
typedef uint32_t tl_roles;
enum { TL_ROLE_Q = 1, TL_ROLE_K = 2, TL_ROLE_V = 4, TL_ROLE_QKV = 7 };

typedef enum tl_positions {
    TL_POSITIONS_DEFAULT, /* learned for attention, none for the other operations */
    TL_POSITIONS_NONE,
    TL_POSITIONS_LEARNED,
    TL_POSITIONS_ROPE,   /* rotary */
    TL_POSITIONS_SWIN,   /* a learned number for every offset and head, added to the logits */
    TL_POSITIONS_SHAW,   /* learned vectors for every offset, added to the keys and the values */
    TL_POSITIONS_CONVIT, /* a second softmax, over positions only, and a gate per head (ConViT) */
    TL_POSITIONS_ALIBI   /* logits decrease with the distance, by a fixed slope per head (ALiBi) */
} tl_positions;

/* A parameter of a layer or a model. The tensors belong to the layer or the model: write values, read
 * gradients. */
typedef struct tl_parameter {
    const char *name; /* valid as long as the layer or the model */
    uint32_t rank;
    uint64_t shape[4]; /* `rank` of them */
    bool decay;        /* weight decay applies */
    tl_tensor *value;
    tl_tensor *gradient; /* NULL in a model made for inference */
    uint64_t reserved[8];
} tl_parameter;

/* ---- a single layer -------------------------------------------------------------------------------- */

/* An attention layer between x (after the caller's LayerNorm) and o (before the caller's output
 * projection).
 *
 *   x, dx   [tokens][batch][dim]
 *   o, d_o  [tokens][batch][heads * head_dim]
 *
 * Tokens form a height x width grid, row by row, after a class token if cls; or, with `causal`, a sequence
 * of `width` tokens (height 1, no cls) in which token i sees the tokens up to i, with tables for sequences
 * of up to `max_length` (0: width). */
typedef struct tl_layer_config {
    size_t size; /* sizeof(tl_layer_config) */
    tl_op_kind op;
    uint32_t depth, height, width, max_length; /* depth 0 counts as 1 */
    tl_sharing sharing;                        /* of offsets past sharing_radius */
    uint32_t sharing_radius, window;           /* window 0: every token sees all */
    bool cls, causal;
    uint32_t batch, dim, heads, head_dim;
    uint32_t relenc_dim;    /* alpha: low-rank width per head (8 in the paper) */
    tl_roles relative;      /* translution, alpha: the per-offset roles */
    tl_positions positions; /* DEFAULT: none. Learned ones are the caller's, added to x before the layer */
    bool inference;         /* no gradients and no backward */
    bool kv_cache;          /* causal inference: keeps past tokens, see tl_layer_set_batch */
} tl_layer_config;

typedef struct tl_layer tl_layer;

uint32_t tl_layer_tokens(const tl_layer_config *config);

/* Allocates parameters (drawn from `seed`, uniform as in the reference), gradients unless for inference, and
 * activations: memory of order batch * tokens * dim + batch * heads * tokens^2, never tokens^2 * dim. */
tl_status tl_layer_create(tl_context *ctx, const tl_layer_config *config, uint64_t seed, tl_layer **out);
/* If the layer does not belong to this context, or was destroyed, only sets the error message. */
void tl_layer_destroy(tl_context *ctx, tl_layer *layer);

/* Sets the size of the calls that follow, up to that of the configuration: `batch` samples of `tokens`
 * tokens (fewer than created for: causal sequences only). x and o then have that many rows. `first` above 0,
 * with kv_cache: forward computes tokens [first, tokens) of sequences whose first tokens were given in earlier
 * calls with this batch; x and o hold the rows of the new tokens only. Allocates nothing. */
tl_status tl_layer_set_batch(tl_context *ctx, tl_layer *layer, uint32_t batch, uint32_t first,
                             uint32_t tokens);

/* Enqueues, with scores a_ij over keys j (in the causal case j <= i), head by head:
 *
 *   attention    q_i = x_i Wq    k_j = x_j Wk    v_j = x_j Wv
 *   translution  q_ij = x_i Wq[off(j,i)]    k_ij = x_j Wk[off(i,j)]    v_ij = x_j Wv[off(i,j)]
 *                a_ij = q_ij . k_ij / sqrt(head_dim)    o_i = sum_j softmax_j(a_ij) v_ij
 *   alpha        a_ij = (q1_i . k1_j + q2_ij . k2_ij) / (2 sqrt(head_dim)), where the 1s are attention's, and
 *                q2_ij = (x_i A_q) Bq[off(j,i)], and so on; o_i = half the sum of both paths' values
 *
 * o is overwritten, and must not alias x. Enqueues; reading a tensor waits. */
tl_status tl_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o);
/* Call after tl_layer_forward with the same x. Overwrites dx, which must alias neither x nor d_o, and the
 * gradients of all parameters. */
tl_status tl_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                            tl_tensor *dx);

/* Parameter `index` of a layer; false past the last. With D = heads * head_dim, C = dim, R = heads *
 * relenc_dim, K offsets ((2 height - 1)(2 width - 1), 3 more with cls; max_length when causal), K pairs of
 * `absolute`:
 *
 *   qkv              [nD][C]    the n shared roles, in the order q, k, v: all of attention and
 *                               alpha, those of Translution that are not per-offset
 *   q, k, v          [K][C][D]  Translution's per-offset tables; alpha's are [K][R][R]
 *   a_q, a_k, a_v    [R][C]     alpha's low-rank projections: q and k if either is per-offset, v if it is
 *   v3               [D][R]     alpha with per-offset v
 *   bias             [K][1][heads]  positions swin
 *   r_k, r_v         [K][1][D]  positions shaw
 *   w, gate          [heads][F], [heads]  positions convit
 *
 * Head h has the columns h * head_dim ... of D. Rows of per-offset tables, for a query at (yi, xi) and a key at
 * (yj, xj), rows and columns from 0, with dy = yi - yj and dx = xi - xj:
 *
 *   k, v, bias, r_k, r_v   off(i,j) = (dy + height - 1)(2 width - 1) + dx + width - 1
 *   q                      off(j,i), the mirror: the same with -dy and -dx
 *
 * In a 2 x 3 grid row 7 is the token itself. A key one place to the left of the query (dy 0, dx 1) has row 8 of
 * k and v, and row 6 of q; one in the row above (dy 1, dx 0) row 12, and row 2 of q. With cls the last three
 * rows are, of k and v: class token with itself (15), query class token and key patch (16), query patch and key
 * class token (17); of q the last two change places. A causal sequence has row i - j of k and v, and
 * row max_length - 1 - (i - j) of q. A volume has a third factor, depth, in front.
 *
 * Tables of `absolute` have a row for each pair of a query i and a key j, tokens counted from 0, the class token
 * first; the same row in q, k and v:
 *
 *   grid       i * tokens + j         of tokens^2 rows: in a 2 x 3 grid row 13 is query 2 with key 1, one place to
 *                                     its left; row 8 the mirror
 *   sequence   i (i + 1) / 2 + j      of max_length (max_length + 1) / 2 rows, whatever the length: j <= i */
bool tl_layer_parameter_at(tl_layer *layer, int index, tl_parameter *out);
bool tl_layer_parameter(tl_layer *layer, const char *name, tl_parameter *out); /* false: no such name */

/* Writes all parameters to a .safetensors file under these names, complete or not at all; blocking.
 * TL_ERROR_DEVICE when a value is not finite: nothing is written. */
tl_status tl_layer_save(tl_context *ctx, tl_layer *layer, const char *path);
/* Reads such a file. TL_ERROR_INPUT unless names and shapes are the same; after a failure the values are
 * undefined. */
tl_status tl_layer_load(tl_context *ctx, tl_layer *layer, const char *path);

/* ---- models ---------------------------------------------------------------------------------------- */

typedef enum tl_pool { TL_POOL_CLS, TL_POOL_MEAN } tl_pool; /* mean: no class token */
typedef enum tl_arch {
    TL_ARCH_VIT, /* Vision Transformers of images, or of volumes and videos, cut into patches */
    TL_ARCH_GPT  /* causal models of sequences of up to seq_len tokens out of vocab_size */
} tl_arch;

/* A model. Members of the other architecture are ignored. */
typedef struct tl_model_config {
    size_t size; /* sizeof(tl_model_config) */
    tl_arch arch;
    tl_op_kind op;
    tl_positions positions;
    tl_pool pool;                                              /* ViT */
    uint32_t image_depth, image_height, image_width, channels; /* ViT; depth (frames, slices) 0 counts as 1 */
    uint32_t patch_depth, patch_height, patch_width, classes;  /* ViT; the image's sizes are multiples */
    uint32_t seq_len, vocab_size;                              /* GPT */
    uint32_t dim, depth, heads, head_dim, mlp_dim, relenc_dim;
    tl_roles relative; /* translution, alpha: the per-offset roles */
    /* Hybrid: the first so many blocks use `op`, the rest rotary attention; 0: all use `op`. */
    uint32_t translution_layers;
    tl_sharing sharing; /* of offsets past sharing_radius along an axis */
    uint32_t sharing_radius;
    uint32_t window; /* patches farther apart along an axis do not see each other; 0: all do. For conv
                      * half the kernel's width */
    /* Training: recompute in the backward pass, instead of saving them, the outputs of LayerNorm and GELU
     * (batch * tokens * (2 * dim + mlp_dim) floats a block) and, of Translution, q_ij and k_ij of all pairs
     * (2 * batch * tokens^2 * heads * head_dim floats a block); the same results (to rounding where q or k
     * is relative) with less memory. Not a property of the model. */
    bool recompute;
    /* Training: number of ranks that share the matrices by offset out, and this one's among them, as a run sets them by
     * run.offset_ranks; 0: the model has all of them. Not a property of the model. tl_model_create takes none. */
    uint32_t offset_ranks, offset_rank;
    /* Training: bytes of q_ij and k_ij, where they are recomputed, and of a GPT's logits that are computed at a time, at most 512 MiB:
     * a GPU is faster with more. 0: a CPU's, 32 MiB and 64 MiB. The same results to rounding. Not a property of the model.
     * Runs choose it, a plan says what fits: see tl_device_chunk_bytes. */
    uint64_t chunk_bytes;
} tl_model_config;

/* A batch in the caller's memory, which is copied before a call returns; members of the other architecture
 * are ignored. */
typedef struct tl_batch {
    size_t size;           /* sizeof(tl_batch) */
    uint32_t count;        /* samples: 1 to the batch that the model was created for */
    const float *images;   /* ViT: [count][channels][depth][height][width] */
    const int32_t *tokens; /* GPT: [count][length] ids */
    uint32_t length;       /* GPT: tokens per sample, 1 to seq_len */
    uint32_t first;        /* GPT: earlier tokens of each sample, already in the KV cache */
    /* ViT: [count] classes; GPT: [count][length] ids of the next tokens; NULL: no loss */
    const int32_t *targets;
    const float *soft_targets; /* ViT: [count][classes] soft targets instead of `targets`, or NULL */
    /* ViT, instead of `images`: a tensor of this context with the same values in the same order, such as an
     * adopted cl_mem; copied on the device, in the queue's order */
    const tl_tensor *image_tensor;
} tl_batch;

/* What a model is created for. */
typedef struct tl_model_options {
    size_t size;    /* sizeof(tl_model_options) */
    uint32_t batch; /* largest number of samples in a batch */
    bool training;  /* with gradients and what backward needs; otherwise inference */
    /* GPT, inference: keeps the keys and values of past tokens, so that a batch need only hold the tokens
     * after tl_batch.first. All batches then have `batch` samples. */
    bool kv_cache;
    uint64_t seed; /* of the initial values */
} tl_model_options;

typedef struct tl_model tl_model;

/* Allocates parameters, drawn from options->seed, and all buffers of the largest batch. TL_ERROR_USAGE,
 * naming the member, when the configuration is not a model; TL_ERROR_MEMORY when it does not fit: see
 * tl_model_plan. */
tl_status tl_model_create(tl_context *ctx, const tl_model_config *config, const tl_model_options *options,
                          tl_model **out);
/* The model of a file that `tl_model_save` or a run wrote, with its configuration and its values: `path` is a
 * .safetensors file or a run folder (its newest weights). options->seed is ignored. TL_ERROR_INPUT when the
 * file is none, damaged, or holds no configuration. */
tl_status tl_model_open(tl_context *ctx, const char *path, const tl_model_options *options, tl_model **out);
/* Writes configuration and values to a .safetensors file, complete or not at all; blocking. The task, class
 * names and vocabulary of the file that the model was opened from are written again. TL_ERROR_DEVICE when a
 * value is not finite: nothing is written. */
tl_status tl_model_save(tl_context *ctx, tl_model *model, const char *path);
/* Copies the values of such a file into this model. TL_ERROR_INPUT unless names and shapes are the same;
 * after a failure the values are undefined. */
tl_status tl_model_load(tl_context *ctx, tl_model *model, const char *path);
/* If the model does not belong to this context, or was destroyed, only sets the error message. */
void tl_model_destroy(tl_context *ctx, tl_model *model);

/* With default positions replaced by the operation's own; owned by the model. NULL for NULL. */
const tl_model_config *tl_model_configuration(const tl_model *model);
/* Parameter `index` in the order of files; false past the last. Names are the reference's state_dict keys
 * ("transformer.layers.0.0.fn.to_qkv.weight"), shapes those of PyTorch: a Linear layer's weight is [out][in]. */
bool tl_model_parameter_at(tl_model *model, int index, tl_parameter *out);
bool tl_model_parameter(tl_model *model, const char *name, tl_parameter *out); /* false: no such name */

/* Enqueues the model on a batch; its targets are optional (no loss then). TL_ERROR_USAGE for a batch that
 * does not fit the model; TL_ERROR_INPUT for a token or class that it does not have. */
tl_status tl_model_forward(tl_context *ctx, tl_model *model, const tl_batch *batch);
/* Floats of the current batch's logits: count x classes of a ViT, count x length x vocab_size of a GPT; 0
 * before the first batch. */
uint64_t tl_model_logits_count(const tl_model *model);
/* Blocking, after tl_model_forward: ViT [count][classes], GPT [count][length][vocab_size]. */
tl_status tl_model_read_logits(tl_context *ctx, tl_model *model, float *logits);
/* ViT: where they are on the device, [count][classes], owned by the model. NULL for a GPT, whose logits are
 * computed in chunks and never in memory at once. */
tl_tensor *tl_model_logits(tl_model *model);

/* The cross-entropy with the batch's targets, its mean over images or tokens, after tl_model_forward.
 * Blocking; with `loss` NULL enqueued only. Once it was computed it can be read again, also after
 * tl_model_backward. */
tl_status tl_model_loss(tl_context *ctx, tl_model *model, float *loss);
/* Enqueues the gradients of the loss, after tl_model_loss; overwrites those of all parameters. */
tl_status tl_model_backward(tl_context *ctx, tl_model *model);
/* The same from the gradient of the caller's own loss by the logits, in the layout of
 * tl_model_read_logits; after tl_model_forward, and at most once. */
tl_status tl_model_backward_from(tl_context *ctx, tl_model *model, const float *d_logits);
/* ViT: the same from a tensor of this context. */
tl_status tl_model_backward_from_tensor(tl_context *ctx, tl_model *model, const tl_tensor *d_logits);

/* ---- optimizers ------------------------------------------------------------------------------------- */

typedef enum tl_optimizer_kind { TL_OPTIMIZER_ADAMW, TL_OPTIMIZER_LION } tl_optimizer_kind;

typedef struct tl_optimizer_config {
    size_t size; /* sizeof(tl_optimizer_config) */
    tl_optimizer_kind kind;
    /* Below 1; 0 or -1: the optimizer's own (AdamW: 0.9 and 0.999, Lion: 0.9 and 0.99). For a beta of 0 give
     * FLT_MIN, whose products vanish beside any number that counts. */
    float beta1, beta2;
    float eps;          /* added to the root in AdamW's denominator; 0: the optimizer's own (1e-8) */
    float weight_decay; /* decoupled, of parameters with `decay` */
    float grad_clip;    /* maximum global norm: larger gradients are scaled down to it; 0: no clipping */
    /* Leave out a step with a gradient that is not finite: no value changes. With grad_clip always so. */
    bool skip_nonfinite;
} tl_optimizer_config;

/* Updates values from gradients, with the state that it has for each parameter:
 *
 *   AdamW  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p *= 1 - lr wd
 *          p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)
 *   Lion   p *= 1 - lr wd;  p -= lr sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g */
typedef struct tl_optimizer tl_optimizer;

/* Parameters of models, of layers, or made of the caller's own tensors: a name, a value, and a gradient of
 * the same lead and row; rank and shape are not read. Names must differ. The list is copied, the tensors
 * remain their owner's and must outlive the optimizer's steps. State: two tensors of each parameter's size
 * (AdamW), or one (Lion), of 0. */
tl_status tl_optimizer_create(tl_context *ctx, const tl_optimizer_config *config,
                              const tl_parameter *parameters, int count, tl_optimizer **out);
/* If the optimizer does not belong to this context, or was destroyed, only sets the error message. */
void tl_optimizer_destroy(tl_context *ctx, tl_optimizer *optimizer);
/* Enqueues one step with the gradients as they are when it runs. */
tl_status tl_optimizer_step(tl_context *ctx, tl_optimizer *optimizer, float lr);

typedef struct tl_optimizer_step_report {
    double norm;        /* of all gradients together, before clipping; not finite if a gradient is not */
    bool skipped;       /* the step was left out */
    const char *broken; /* the first parameter with a gradient that is not finite; NULL: none */
    uint64_t reserved[8];
} tl_optimizer_step_report;

/* Blocking: of the last step. `broken` is valid as long as the optimizer. Steps that neither clip nor skip do
 * not compute the norm: this call does, of the gradients as they are now, in workspace that its first call
 * allocates. */
tl_status tl_optimizer_report(tl_context *ctx, tl_optimizer *optimizer, tl_optimizer_step_report *report);

/* To save and resume: the state of a parameter, by its number in the list, and the number of steps done,
 * which AdamW's bias correction depends on (after 0 steps the state counts as 0). Write both to go on
 * bitwise where another optimizer ended. Slots: AdamW "m." and "v.", Lion "m.", followed by the parameter's
 * name. `name` and `state` may be NULL; false: no such parameter or slot. The tensors belong to the
 * optimizer. */
bool tl_optimizer_state_at(tl_optimizer *optimizer, int parameter, int slot, const char **name,
                           tl_tensor **state);
uint64_t tl_optimizer_steps(const tl_optimizer *optimizer); /* skipped ones count */
tl_status tl_optimizer_set_steps(tl_context *ctx, tl_optimizer *optimizer, uint64_t steps);

/* ---- memory ----------------------------------------------------------------------------------------- */

typedef enum tl_recompute {
    TL_RECOMPUTE_AUTO, /* save what tl_model_config.recompute names if it fits the device */
    TL_RECOMPUTE_ALWAYS,
    TL_RECOMPUTE_NEVER
} tl_recompute;

typedef struct tl_plan_options {
    size_t size;    /* sizeof(tl_plan_options) */
    uint32_t batch; /* largest number of samples in a batch, of which the device holds a slice at a time */
    bool training;  /* with gradients, what backward needs, and the optimizer; otherwise inference */
    tl_optimizer_kind optimizer;
    tl_recompute recompute;   /* AUTO: recompute where it does not fit otherwise */
    uint64_t memory_limit;    /* bytes, such as tl_device_info.global_bytes; 0: no limit */
    uint64_t max_alloc_bytes; /* largest buffer, such as tl_device_info.max_alloc_bytes; 0: no limit */
    bool no_clipping;     /* the optimizer neither clips gradients nor skips steps: no room for their norm */
    uint64_t grad_slices; /* training: parts in which a batch is taken, see tl_training; 0: 1 */
    uint64_t
        ranks; /* training: that share the slices and the optimizer's state out, see tl_ranks_open; 0: 1 */
    uint64_t offset_ranks; /* of them, that share the matrices by offset out, see tl_run_options; 0: 1 */
} tl_plan_options;

/* Bytes on the device of a model and, in training, its optimizer. */
typedef struct tl_memory_plan {
    uint64_t bytes[TL_MEMORY_KINDS], total;
    uint64_t largest; /* bytes of the largest buffer that cannot be split, and what it is */
    char largest_name[96];
    uint64_t params; /* numbers in all parameters */
    bool fits;
    bool recompute;         /* the choice made: set it in tl_model_config.recompute */
    bool can_recompute;     /* there is a choice: options.training */
    uint32_t largest_batch; /* that fits, up to 2^20; 0: none */
    uint64_t chunk_bytes;   /* tl_model_config.chunk_bytes, or 0 where only that fits: set it there */
    uint64_t reserved[7];
} tl_memory_plan;

/* What a model would take; allocates nothing and needs no device. */
tl_status tl_model_plan(const tl_model_config *config, const tl_plan_options *options, tl_memory_plan *plan,
                        tl_error *err);

/* ---- training and evaluation --------------------------------------------------------------------- */

typedef enum tl_motion { TL_MOTION_STATIC, TL_MOTION_DYNAMIC } tl_motion; /* digits centred, or anywhere */
typedef enum tl_schedule { TL_SCHEDULE_COSINE, TL_SCHEDULE_COSINE_EPOCH, TL_SCHEDULE_CONSTANT } tl_schedule;
/* How schedule and warm-up combine; a resumed run keeps its version.
 *   1  the warm-up multiplies a cosine that starts at step 0
 *   2  the cosine starts at the end of the warm-up, from the peak */
enum { TL_SCHEDULE_VERSION = 2 };

/* Augmentations of the task vit, an OR of these; all random choices follow from the seed. */
typedef enum tl_augment {
    TL_AUGMENT_CROP = 1,        /* random resized crop; without it the centre, as in evaluation */
    TL_AUGMENT_FLIP = 2,        /* horizontal, half of the time */
    TL_AUGMENT_RANDAUGMENT = 4, /* two of 14 geometric or colour operations */
    TL_AUGMENT_MIXUP = 8,       /* batches of weighted sums of two images and their classes ... */
    TL_AUGMENT_CUTMIX = 16,     /* ... or with a rectangle from another image; either at random if both */
    TL_AUGMENT_ALL = 31
} tl_augment;

/* How a model is trained: stored in checkpoints, unchanged when a run is resumed. */
typedef struct tl_training {
    size_t size; /* sizeof(tl_training) */
    uint64_t seed;
    uint64_t epochs, steps; /* steps 0: from epochs */
    uint32_t batch_size;
    float lr, weight_decay, grad_clip; /* grad_clip: maximum global norm; 0: no clipping */
    tl_optimizer_kind optimizer;
    /* Of the optimizer's state; -1: the optimizer's own (AdamW: 0.9 and 0.999, Lion: 0.9 and 0.99). */
    float beta1, beta2;
    float eps; /* added to the root in AdamW's denominator; 0: the optimizer's own (1e-8; Lion has none) */
    tl_schedule schedule;
    uint32_t schedule_version;        /* TL_SCHEDULE_VERSION */
    uint64_t warmup;                  /* steps of linear warm-up, fewer than the run has */
    uint32_t limit_train, limit_test; /* samples; 0: all */
    tl_motion motion, test_motion;    /* mnist */
    uint64_t samples_per_epoch;       /* gpt: random windows per epoch */
    uint32_t augment;                 /* vit: a tl_augment */
    /* vit: training decodes JPEGs at full size; otherwise large ones at 1/2, 1/4 or 1/8 of their size, but
     * at least twice the needed size. */
    bool exact_decode;
    /* Parts of a batch whose gradients are computed one by one and added along a fixed binary tree: the weights
     * depend on this number, not on run.accumulate. Takes log2 of it, rounded up, more copies of the gradients.
     * At most 1024; 0: run.accumulate; a resumed run then keeps the checkpoint's. */
    uint64_t grad_slices;
    /* Of matrix products, by offset too, while a trainer is open. Where the device cannot, a notice says so and it is fp32: see
     * tl_result.precision. Others than FP32 are refused where the context's `gemm` is CLBLAST. */
    tl_precision precision;
} tl_training;

/* Where and how a run executes: not stored in checkpoints. */
typedef struct tl_run_options {
    size_t size;        /* sizeof(tl_run_options) */
    char data[1024];    /* folder of IDX files (mnist), images (vit) or token files (gpt), or "synthetic" */
    char out[1024];     /* empty: runs/TASK-OP-N */
    char metrics[1024]; /* empty: OUT/metrics.jsonl */
    /* Initialises a new run with the weights of this .safetensors file or run folder; empty: random
     * initial values. Ignored by a resumed run. */
    char init[1024];
    /* With `init`: a head or learned positions that do not fit keep random initial values, and of
     * per-offset tables the offsets that both grids have are copied; otherwise these are errors. */
    bool init_partial;
    bool resume;        /* continue from the newest complete checkpoint in `out` */
    bool stored_length; /* with `resume`: use the checkpoint's steps and epochs */
    bool
        allow_other_data; /* of `resume`: data that are not those of the checkpoint are a notice, not an error */
    /* Use training.batch_size exactly; otherwise it is halved until the step fits the device, and a
     * resumed run uses the checkpoint's. */
    bool exact_batch;
    /* Use model.classes or model.vocab_size exactly, and refuse data that do not fit; otherwise the data
     * determine them. */
    bool exact_labels;
    uint64_t stop_after, eval_every; /* steps; 0: never; evaluation also always at the end */
    /* A checkpoint is written when the run ends or is stopped, and in between every so many steps or, with
     * 0 steps, every so many minutes; 0 minutes: none in between. */
    uint64_t checkpoint_every;
    float checkpoint_minutes; /* 15 */
    uint64_t keep;            /* newest checkpoints kept; 0: two if written by time, all if by steps */
    bool keep_all;            /* with keep 0: all are kept, also if written by time */
    /* Skip a step whose loss or gradients are not finite instead of ending the run; twenty such steps in a
     * row end it anyway. */
    bool skip_nonfinite;
    tl_recompute recompute; /* decides model.recompute */
    uint32_t workers;       /* vit: threads that load images; 0: one per core. Does not affect results */
    bool strict;            /* vit: an unreadable image ends the run instead of being skipped */
    char confusion[1024];   /* tl_evaluate: output file for the confusion matrix; empty: none */
    /* Gradient accumulation: a batch is taken in at least so many parts, one after the other, so that the device
     * holds the activations of one. At most training.grad_slices, which says how many they are; 0: 1. */
    uint64_t accumulate;
    char attention_maps
        [1024]; /* tl_evaluate, image models: output file for mean attention weights; empty: none */
    /* Writes the metrics to OUT/events.out.tfevents.*, too, for TensorBoard. Needs a library built with protobuf-c. */
    bool tensorboard;
    /* Offset parallel: so many ranks, a power of two that divides their number, share the matrices by offset out, with
     * their gradients and the optimizer's state of them, and compute each batch together: see tl_ranks_open. 0: 1 */
    uint64_t offset_ranks;
} tl_run_options;

/* All settings of a run. Contains no pointers: copies are independent. Initialise with tl_settings_default,
 * which also sets the sizes, and change what differs. Each part has room to grow in, so that none moves. */
typedef struct tl_settings {
    size_t size;   /* sizeof(tl_settings) */
    char task[16]; /* "mnist", "vit", "gpt"; "own-vit", "own-gpt": on the caller's own data (tl_data) */
    union {
        tl_model_config model; /* stored in checkpoints */
        char model_room[512];
    };
    union {
        tl_training training; /* stored in checkpoints */
        char training_room[512];
    };
    union {
        tl_run_options run; /* not stored */
        char run_room[8192];
    };
} tl_settings;

/* Sets a task's defaults; false: unknown task. All: operation attention with its default positions, size
 * tiny (dim 192, depth 6, 3 heads of 64), relenc 8, lr 3e-4, weight decay 0.05, cosine, seed 0,
 * "synthetic". mnist: pool cls, image 84, patch 12, 1 channel, 10 classes; batch 256, 20 epochs; static.
 * vit: pool cls, image 224, patch 16, 3 channels, 1000 classes unless the data differ; batch 256, 300
 * epochs; all augmentations. gpt: sequences of 160, vocabulary of 50257, batch 8, 300 epochs of 32000
 * windows, clipping at 1. own-vit and own-gpt: batch 64, 20 epochs; the sizes of the input and the number
 * of classes or the vocabulary are 0: set them. */
bool tl_settings_default(tl_settings *settings, const char *task);

/* A safetensors file, open for reading: weights, an optimizer's state, or any other with tensors of F32,
 * I64, I32 and U8. Needs no device; belongs to no context; one thread at a time. See tl_file_open. */
typedef struct tl_file tl_file;

/* Refuses what tl_train would refuse without a look at the data or a device; also run.init, as far as the
 * data do not decide whether it fits. `log` (NULL: none) gets notices about run.init. */
tl_status tl_settings_check(const tl_settings *settings, const tl_log *log, tl_error *err);
/* The same, and leaves the file of run.init open, for tl_hooks.init: the run then reads what was checked, and neither
 * opens nor checks it again. *init is NULL where there is none and where a run resumes; tl_file_close closes it. */
tl_status tl_settings_open_init(const tl_settings *settings, const tl_log *log, tl_file **init,
                                tl_error *err);
/* tl_settings_check after completing `model` as tl_train does: positions, and from the data the classes or the
 * vocabulary, without reading samples. */
tl_status tl_settings_complete(tl_settings *settings, const tl_log *log, tl_error *err);
/* Sets task, model and training to those of a checkpoint (a .safetensors file or a run folder); `run` stays.
 * Initialise the settings first, with those of any task. */
tl_status tl_checkpoint_settings(const char *checkpoint, tl_settings *settings, tl_error *err);

/* Samples that the device of a run with these settings computes at a time: a batch, or the largest of its slices. */
uint32_t tl_settings_slice_samples(const tl_settings *settings);

/* Names used by the command line and checkpoints; "?" for an invalid value. */
const char *tl_op_name(tl_op_kind op); /* "attention", "translution", "alpha", ... */
const char *tl_motion_name(tl_motion motion);
const char *tl_schedule_name(tl_schedule schedule);
const char *tl_positions_name(tl_positions positions);
const char *tl_optimizer_name(tl_optimizer_kind optimizer);

/* Files of an image data set. */
typedef struct tl_set_files {
    bool known;           /* false: the task does not read images of files */
    uint64_t images;      /* read, or not known to be unreadable */
    uint64_t passed_over; /* found to be unreadable */
    uint64_t ignored;     /* skipped by name: not an image format */
} tl_set_files;

/* Members that a task does not have are NaN. */
typedef struct tl_result {
    uint64_t steps, params, peak_device_bytes;
    double loss;                      /* train: mean of the last 20 steps; eval: of the test set */
    double test_loss;                 /* mean over the test set */
    double perplexity;                /* exp of it, of tasks that do not classify */
    double top1, top5;                /* percent, on training.test_motion */
    double top1_static, top1_dynamic; /* percent */
    /* predictions in all test sets with a logit that is not finite: counted as wrong */
    uint64_t not_finite;
    /* train: median, without the first step of each batch size, which builds kernels, where there are others;
     * eval: of a full batch of training.test_motion's set, the mean without the first batch; NaN: there was one */
    double step_ms;
    double data_wait;               /* train: fraction of the steps' time, 0 to 1, spent waiting for data */
    tl_set_files files, test_files; /* train: of training and test set; eval: of the test set */
    char out[1024];                 /* train: the run folder */
    double communication;           /* train: as data_wait, of what tl_ranks_time tells; NaN: alone */
    tl_precision precision;         /* train: what matrix products had, training.precision or fp32 */
    uint64_t reserved[6];
} tl_result;

/* Number `index` of a run's or an evaluation's result that models of this task have, by the name that the program
 * prints: params, steps, loss, test_loss, then top1 and top5 or perplexity, and the task's own. False past the
 * last, for NULL and for an unknown task. */
bool tl_result_number(const tl_result *result, const char *task, int index, const char **name, double *value);

/* A step of a run. */
typedef struct tl_step {
    uint64_t step, total; /* steps done, and of the whole run */
    uint64_t epoch;       /* from 1 */
    double loss, lr;      /* NaN or infinite: see run.skip_nonfinite */
    double rate;          /* predictions (images or tokens) a second */
    uint64_t reserved[8];
} tl_step;

/* Scores of a test set. */
typedef struct tl_evaluation {
    uint64_t step;     /* steps that the model was trained */
    const char *set;   /* "val"; "static" and "dynamic" of mnist */
    double loss;       /* mean */
    double top1, top5; /* percent; NaN: a GPT */
    uint64_t predictions;
    uint64_t not_finite; /* of them, with a logit that is not finite: counted as wrong */
    uint64_t reserved[8];
} tl_evaluation;

typedef struct tl_ranks tl_ranks; /* see tl_ranks_open */

/* Callbacks of a run, all of them optional. Progress is written to `progress` (one rewritten line if isatty,
 * else plain lines; dropped when the reader does not keep up). *stop is checked after every step: when it
 * becomes a signal number the run saves and returns TL_INTERRUPTED.
 *
 * `on_step` is told of every step, in order, up to half a second later: losses are read from the device
 * several at a time. `on_evaluation` is told of every evaluated test set. One that returns false ends the
 * run: what was begun is finished and saved, and the run returns TL_OK with result->steps done, as with
 * run.stop_after. They may call neither the run's trainer nor its context. */
typedef struct tl_hooks {
    size_t size; /* sizeof(tl_hooks) */
    FILE *progress;
    const volatile sig_atomic_t *stop;
    void *user; /* first argument of the callbacks */
    bool (*on_step)(void *user, const tl_step *step);
    bool (*on_evaluation)(void *user, const tl_evaluation *evaluation);
    /* The run is shared by these processes, each of which calls with the same settings: see tl_ranks_open. NULL: it is
     * this process's alone. */
    tl_ranks *ranks;
    /* run.init as tl_settings_open_init left it open, until the run returns; NULL: the run opens it itself. */
    tl_file *init;
} tl_hooks;

/* Ranks: the processes that mpirun or srun started together, each with a device of its own. They share a run out by the
 * slices of its batches, so that the weights are to the last bit those of one process with the same
 * training.grad_slices (0: run.accumulate times the number of ranks), which is a power of two. A rank has the optimizer's
 * state of its share of the parameters alone, and makes the samples of its own slices; a tl_data gives it whole batches.
 * Rank 0 alone evaluates, writes the run folder, and calls the hooks; *stop of any rank stops all after the same step.
 *
 * With run.offset_ranks P groups of P ranks, 0 to P - 1 and so on, compute the same slices together. Each of them has 1 / P of
 * the matrices by offset, their gradients and the optimizer's state of them, which never travel; logits, outputs and
 * gradients of rows do. The weights are those of P = 1 to rounding, and the same bits for equal P. The ranks of rank 0's
 * group evaluate together, and what runs the model of a trainer is called by all of a group alike; its tables are the rank's
 * share, and it is saved by its run alone. Files do not know ranks: any number of them resumes what others saved.
 *
 * A run that fails in one rank leaves the others waiting until tl_ranks_options.timeout: call tl_ranks_end_all.
 *
 * *ranks is NULL in a process that was started alone. TL_ERROR_USAGE where several were started and translution_mpi.so,
 * the module that knows MPI, is not there, or knows another number of them. Call once in a process. */
tl_status tl_ranks_open(tl_ranks **ranks, tl_error *err);

enum { TL_RANKS_TIMEOUT = 600 }; /* seconds */

typedef struct tl_ranks_options {
    size_t size; /* sizeof(tl_ranks_options) */
    /* Seconds that a rank waits for one of which nothing is heard, because it was stopped or its driver hangs; then the
     * run fails with TL_ERROR_DEVICE and its number. Rank 0 is heard of while it evaluates and saves. 0: TL_RANKS_TIMEOUT. */
    double timeout;
    /* For a program that has called MPI_Init itself: the address of the MPI_Comm of the processes that take part, of the
     * MPI that translution_mpi.so was built with. It is duplicated; MPI_Finalize remains the program's, after
     * tl_ranks_close. All MPI calls are made in the thread that calls the library. NULL: all that were started together. */
    void *communicator;
} tl_ranks_options;

tl_status tl_ranks_open_with(const tl_ranks_options *options, tl_ranks **ranks, tl_error *err);
int tl_ranks_rank(const tl_ranks *ranks);       /* from 0; NULL: 0 */
int tl_ranks_size(const tl_ranks *ranks);       /* NULL: 1 */
int tl_ranks_of_machine(const tl_ranks *ranks); /* those that run on this machine; NULL: 1 */
int tl_ranks_local_rank(
    const tl_ranks *ranks);           /* from 0, among these: for a device of its own, "auto:N"; NULL: 0 */
void tl_ranks_close(tl_ranks *ranks); /* waits for the others; NULL is allowed */

/* What this rank's steps in runs have spent with other ranks on one kind of numbers, without the first step of each run, which
 * builds kernels, without evaluations and checkpoints: waiting for ranks that compute longer, messages, and copies between
 * device and host. */
typedef struct tl_rank_time {
    const char
        *what; /* "sums of gradients", "weights", "logits and outputs" (of run.offset_ranks), "agreement" */
    double seconds, step_seconds; /* on this; all in all */
    uint64_t steps;
    uint64_t messages, sent_bytes;
    uint64_t reserved[8];
} tl_rank_time;

/* Of kind `index`, from 0; false past the last, and for NULL. */
bool tl_ranks_time(const tl_ranks *ranks, int index, tl_rank_time *time);
/* Ends all ranks at once with this exit code, this process too; NULL: returns. */
void tl_ranks_end_all(tl_ranks *ranks, int exit_code);

/* TL_ERROR_USAGE where these ranks (NULL: one) cannot share a run of these settings, for a reason of their number, before
 * a device is opened; tl_train would refuse it, too. */
tl_status tl_settings_check_ranks(const tl_settings *settings, const tl_ranks *ranks, tl_error *err);

/* tl_trainer_create, _run and _destroy in one: trains on the data of settings->task, and writes checkpoints,
 * metrics, model.safetensors and, at its end, the confusion matrix (confusion.tsv) to the run folder. If the plan does not fit
 * and !settings->run.exact_batch, halves training.batch_size until it does, with a notice; otherwise
 * TL_ERROR_MEMORY with the plan's sum and the largest batch size that would fit in the message. On return
 * `settings` are complete: batch size, positions, what the data determine of the model. Resuming a
 * finished run returns its result again and computes nothing. */
tl_status tl_train(tl_context *ctx, tl_settings *settings, const tl_hooks *hooks, tl_result *result);

/* What tl_train would take: tl_model_plan of settings->model with training.batch_size and its slices,
 * training.optimizer and run.recompute, without clipping where neither training.grad_clip nor
 * run.skip_nonfinite is set, within these limits (bytes; 0: none). Sets settings->model.recompute and
 * .chunk_bytes to the choice; a run begins from tl_device_chunk_bytes. The data are not looked at: see
 * tl_settings_complete. */
tl_status tl_train_plan(tl_settings *settings, uint64_t memory_limit, uint64_t max_alloc_bytes,
                        tl_memory_plan *plan, tl_error *err);

/* Equal devices, one a rank, and what connects them; 0: unknown. */
typedef struct tl_cluster {
    size_t size; /* sizeof(tl_cluster) */
    uint64_t ranks;
    uint64_t memory_limit, max_alloc_bytes; /* of a device, as in tl_plan_options */
    double link_gbps;                       /* 1e9 bits that a rank can send in a second */
    double link_latency_us;                 /* microseconds that a message takes besides */
    double
        device_tflops; /* 1e12 floating-point operations a second in a step, as `translution bench step` measures */
} tl_cluster;

/* What a step takes of the rank that has most to do. Its time is the sum of both: ranks exchange when they have computed. */
typedef struct tl_rank_plan {
    tl_memory_plan memory;
    uint64_t slices;        /* of a batch */
    uint64_t sent_bytes;    /* to other ranks */
    uint64_t messages;      /* one behind the other */
    double flops;           /* dense: see tl_cluster.device_tflops */
    double compute_seconds; /* flops / device_tflops; NaN: unknown */
    double link_seconds;    /* messages * link_latency_us + sent_bytes / link_gbps; NaN: unknown */
    /* Where the memory does not fit: the smallest run.offset_ranks with which it would; 0: none, or it fits */
    uint64_t fitting_offset_ranks;
    uint64_t reserved[7];
} tl_rank_plan;

/* tl_train_plan of a run that ranks share; sets training.grad_slices as the run does. TL_ERROR_USAGE where so many ranks
 * cannot share its slices, or run.offset_ranks of them not the matrices. */
tl_status tl_train_plan_ranks(tl_settings *settings, const tl_cluster *cluster, tl_rank_plan *plan,
                              tl_error *err);

/* Evaluates a checkpoint (a .safetensors file or an OUT folder) on the test sets of its task. `model` and
 * `training` are overwritten with the checkpoint's, except training.batch_size (0: 64, halved until it
 * fits), training.limit_test (0: as stored; UINT32_MAX: all) and training.test_motion (-1: as stored).
 * `run` says where the data are. TL_ERROR_DEVICE when predictions are not finite: such weights are
 * unusable. Of hooks->ranks all share the model's matrices by offset out, as many as run.offset_ranks, call alike, and get the
 * same result; run.confusion is to be set in one of them. */
tl_status tl_evaluate(tl_context *ctx, const char *checkpoint, tl_settings *settings, const tl_hooks *hooks,
                      tl_result *result);

/* ---- training on the caller's own data ------------------------------------------------------------- */

typedef enum tl_set { TL_SET_TRAIN, TL_SET_TEST } tl_set;

/* Which samples a batch is to hold. */
typedef struct tl_batch_request {
    tl_set set;
    uint64_t step;           /* training: steps done before; test: batches before */
    uint64_t epoch;          /* training: from 0 */
    uint32_t count;          /* at most training.batch_size; the last batch of an epoch may be smaller */
    const uint64_t *samples; /* [count] numbers of the samples in their set, from 0 */
    uint64_t reserved[8];
} tl_batch_request;

/* The caller's data. The texts must outlive the trainer. */
typedef struct tl_data {
    size_t size;           /* sizeof(tl_data) */
    void *user;            /* first argument of `fill` */
    uint64_t samples;      /* in the training set: an epoch */
    uint64_t test_samples; /* 0: there is no test set */
    /* The samples of each epoch in an order of its own, drawn from training.seed; at most 2^32 - 1 of them.
     * Otherwise in the order of their numbers. */
    bool shuffle;
    /* Fills `batch`, which comes with the requested count and all else 0: images (or image_tensor) and
     * targets or soft_targets (not in a test) of a ViT; tokens, targets and length of a GPT. A smaller count
     * leaves samples out, such as those that cannot be read; in training one remains. The arrays are the
     * caller's, and must not change before the next call or the end of the run.
     *
     * A pure function of request and data, so that a resumed run sees the same batches: what it draws, it
     * draws from numbers of the request. Called in the thread that runs the trainer, also for a step that is
     * then not run. A status other than TL_OK ends the run, with the sentence in `err`. */
    tl_status (*fill)(void *user, const tl_batch_request *request, tl_batch *batch, tl_error *err);
    /* A short text that names the data, or NULL: a run is resumed on data of the same name and numbers of
     * samples only, unless run.allow_other_data. */
    const char *identity;
    /* ViT: names of the classes, a JSON array of strings, kept in checkpoints; NULL: none */
    const char *labels;
} tl_data;

typedef struct tl_trainer_config {
    size_t size; /* sizeof(tl_trainer_config) */
    /* Copied. For own data made by tl_settings_default(&settings, "own-vit") or "own-gpt"; run.data is
     * ignored, training.limit_train and limit_test are not. */
    const tl_settings *settings;
    const tl_data *data;   /* copied; NULL: those of settings->task */
    const tl_hooks *hooks; /* copied; NULL: none */
} tl_trainer_config;

/* A training run: model, optimizer, data, run folder. */
typedef struct tl_trainer tl_trainer;

/* Opens the data, completes the settings, creates the model and the run folder, which this trainer alone owns
 * until it is destroyed; with run.resume loads the newest checkpoint there. Errors are those of tl_train. */
tl_status tl_trainer_create(tl_context *ctx, const tl_trainer_config *config, tl_trainer **out);
/* Trains to the end, or until stopped: then a second call goes on. */
tl_status tl_trainer_run(tl_context *ctx, tl_trainer *trainer, tl_result *result);
/* The model that is trained, owned by the trainer: do not destroy it. Between runs it may be read, saved,
 * evaluated and used on other batches. NULL for NULL. */
tl_model *tl_trainer_model(const tl_trainer *trainer);
/* As completed: batch size, positions, what the data determine of the model. Valid until the trainer is
 * destroyed; NULL for NULL. */
const tl_settings *tl_trainer_settings(const tl_trainer *trainer);
/* If the trainer does not belong to this context, or was destroyed, only sets the error message. Saves
 * nothing: tl_trainer_run does. */
void tl_trainer_destroy(tl_context *ctx, tl_trainer *trainer);

/* Scores a model on the test set of the caller's data, in batches of `batch` samples, at most the model's
 * tl_model_options.batch. evaluation->step is 0. */
tl_status tl_model_evaluate(tl_context *ctx, tl_model *model, const tl_data *data, uint32_t batch,
                            tl_evaluation *evaluation);

/* ---- predictions of a model ---------------------------------------------------------------------- */

/* Runs the model forward on a batch and reads what it predicts: of a ViT for each sample, of a GPT for each
 * token. `probabilities`: softmax of the logits, laid out as those of tl_model_read_logits; `classes`: the
 * likeliest class or next token, ties by the smaller index. Either may be NULL: not wanted. TL_ERROR_DEVICE
 * when logits are not finite. */
tl_status tl_model_predict(tl_context *ctx, tl_model *model, const tl_batch *batch, float *probabilities,
                           int32_t *classes);

/* ---- images at a saved model --------------------------------------------------------------------- */

/* A picture of 8-bit RGB. */
typedef struct tl_picture {
    uint32_t width, height;
    uint8_t *pixels; /* [height][width][3]; functions that read a picture do not change them */
} tl_picture;

/* Writes a PNG file. TL_ERROR_IO names it when it cannot be written. */
tl_status tl_picture_write_png(const char *path, const tl_picture *picture, tl_error *err);

/* A model that classifies images, with its class names and the preparation of images that its task has in
 * evaluation. Belongs to its context. */
typedef struct tl_predictor tl_predictor;

typedef struct tl_predictor_options {
    size_t size;    /* sizeof(tl_predictor_options) */
    uint32_t batch; /* largest `count` of tl_predictor_classify_batch; 0: 1 */
    /* That share the model's matrices by offset out, and call alike; NULL: this process has them all. */
    tl_ranks *ranks;
    uint64_t offset_ranks; /* as many as there are; 0: 1 */
} tl_predictor_options;

typedef struct tl_guess {
    uint32_t class_index;
    double probability; /* 0 to 1: softmax of the logits over all classes */
} tl_guess;

/* `checkpoint`: a .safetensors file or a run folder, of a task that classifies images. `options` NULL: the
 * defaults. */
tl_status tl_predictor_create(tl_context *ctx, const char *checkpoint, const tl_predictor_options *options,
                              tl_predictor **out);
/* If the predictor does not belong to this context, or was destroyed, only sets the error message. */
void tl_predictor_destroy(tl_context *ctx, tl_predictor *predictor);
const tl_model_config *tl_predictor_configuration(const tl_predictor *predictor); /* NULL for NULL */
/* "7" for a model without class names; NULL for a class that it does not have. Valid until the next call. */
const char *tl_predictor_class_name(tl_predictor *predictor, uint32_t class_index);

/* The `top` likeliest classes of an image, likeliest first, ties by the smaller index; `guesses` is an array
 * of `top`, which is at most the number of classes. They wait for the result. TL_ERROR_DEVICE when the model
 * gives numbers that are not finite.
 *
 *   classify        a picture of any size
 *   classify_file   a JPEG, PNG, WebP, TIFF, BMP or PNM file; TL_ERROR_INPUT names one that cannot be read
 *   classify_batch  batch->count images as the model takes them, prepared by the caller (mnist: 0 to 1; vit:
 *                   0 to 1, less the mean (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)); guesses
 *                   [count][top] */
tl_status tl_predictor_classify(tl_context *ctx, tl_predictor *predictor, const tl_picture *picture,
                                uint32_t top, tl_guess *guesses);
tl_status tl_predictor_classify_file(tl_context *ctx, tl_predictor *predictor, const char *path, uint32_t top,
                                     tl_guess *guesses);
tl_status tl_predictor_classify_batch(tl_context *ctx, tl_predictor *predictor, const tl_batch *batch,
                                      uint32_t top, tl_guess *guesses);

/* Shows the picture or file that was classified last as the model saw it, and beside it with the attention of
 * the class token as brightness: of block `layer` and head `head`, counted from 0; -1: of the last block,
 * and the mean over heads. Computes the blocks anew: all ranks of a predictor call it. Overwrites *picture, whose pixels
 * the caller frees with free(). */
tl_status tl_predictor_attention(tl_context *ctx, tl_predictor *predictor, int layer, int head,
                                 tl_picture *picture);

/* ---- text ------------------------------------------------------------------------------------------ */

/* A vocabulary: GPT-2's byte-level BPE, or characters. Needs no device; belongs to no context; one thread at a
 * time. */
typedef struct tl_tokenizer tl_tokenizer;

/* `vocab` and `encoder`: the files vocab.bpe and encoder.json of a BPE. `checkpoint`: a .safetensors file or a
 * run folder of a model of characters, which holds them, with both files NULL; or of a model of a BPE, whose
 * vocabulary must not be smaller than the files'; NULL: the files alone. TL_ERROR_INPUT names a file that is
 * missing or malformed. */
tl_status tl_tokenizer_open(const char *checkpoint, const char *vocab, const char *encoder,
                            tl_tokenizer **out, tl_error *err);
void tl_tokenizer_destroy(tl_tokenizer *tokenizer);
uint32_t tl_tokenizer_size(const tl_tokenizer *tokenizer);       /* largest id + 1; 0 for NULL */
int32_t tl_tokenizer_end_of_text(const tl_tokenizer *tokenizer); /* id between documents; -1: none */

/* The ids of `bytes` bytes of text, in an array to be freed with free(). A BPE has ids for any bytes; of
 * characters TL_ERROR_INPUT names one that the vocabulary does not have. No text stands for the end of text:
 * only the caller inserts its id. */
tl_status tl_tokenizer_encode(tl_tokenizer *tokenizer, const char *text, size_t bytes, int32_t **ids,
                              size_t *count, tl_error *err);
/* The text of the ids, byte for byte what was encoded, with a 0 behind its `*bytes` bytes, to be freed with
 * free(). The end of text has no bytes. TL_ERROR_INPUT names an id that the vocabulary does not have. */
tl_status tl_tokenizer_decode(const tl_tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                              size_t *bytes, tl_error *err);

typedef struct tl_tokenize_progress {
    uint64_t bytes, total_bytes; /* bytes read; of all files, 0: unknown */
    uint64_t documents, tokens;
    uint64_t reserved[8];
} tl_tokenize_progress;

typedef struct tl_tokenize_options {
    size_t size; /* sizeof(tl_tokenize_options) */
    const tl_tokenizer
        *tokenizer;           /* of a BPE; NULL: characters, whose vocabulary becomes chars.json in `out` */
    const char *const *files; /* text files; "-": standard input */
    size_t file_count;
    const char *out; /* folder, created if it is missing */
    const char
        *separator;      /* a line that separates documents, without its end; NULL: a file is one document */
    double val_fraction; /* fraction of the documents that goes to val.bin, 0 to 1; drawn from the seed */
    bool cut_single;     /* of a single document: this fraction of its tokens, at the end, goes to val.bin */
    uint64_t seed;
    uint32_t threads; /* that encode; 0: one per core. Does not affect results */
    size_t chunk;     /* bytes that a thread encodes at a time; 0: 256 KiB. Does not affect results */
    void (*progress)(void *user, const tl_tokenize_progress *progress); /* now and then; NULL: not wanted */
    void *user;
    const volatile sig_atomic_t *stop; /* nonzero: TL_INTERRUPTED, and nothing is written; may be NULL */
} tl_tokenize_options;

typedef struct tl_tokenize_result {
    uint64_t bytes, documents, val_documents, train_tokens, val_tokens;
    uint64_t not_utf8, nuls; /* bytes of the text that are not UTF-8, and that are 0 */
    uint64_t marks;          /* files with a byte-order mark, which is dropped */
    uint32_t vocab_size;
    uint64_t reserved[8];
} tl_tokenize_result;

/* Makes train.bin and val.bin, 16-bit ids as the task gpt reads them, of text files of any size in constant
 * memory. Each document ends with the end of text; with characters only if there are several. Existing files
 * are replaced only when all is done. TL_ERROR_INPUT names a file that cannot be read or tokenized. */
tl_status tl_tokenize(const tl_tokenize_options *options, tl_tokenize_result *result, tl_error *err);

/* What tl_generate makes. Strings must outlive the call. */
typedef struct tl_generation {
    size_t size;        /* sizeof(tl_generation) */
    const char *prompt; /* NULL or empty: the end of text or, in a vocabulary without it, a line end */
    const char *vocab, *encoder; /* as of tl_tokenizer_open */
    uint64_t tokens;             /* most to generate: fewer when the text ends */
    float temperature; /* divides the logits; 0: always the likeliest token, ties by the smaller id */
    uint32_t top_k;    /* samples from so many of the likeliest tokens; 0: from all */
    float top_p; /* samples from the fewest tokens whose probabilities add up to this; 0 and 1: from all */
    uint64_t seed;
    bool no_cache; /* without a KV cache: the same logits to rounding, slower */
    /* Takes the text as it is made, in `bytes` bytes without a 0 behind them: first the prompt, with id -1, if
     * it is not empty; then each token, whose bytes may be part of a character only. A status other than TL_OK
     * ends the generation and is returned, with the sentence in `err`. */
    tl_status (*write)(void *user, int32_t id, const char *text, size_t bytes, tl_error *err);
    void *user;
    FILE *progress;                    /* as in tl_hooks */
    const volatile sig_atomic_t *stop; /* NULL, or checked after each token: nonzero gives TL_INTERRUPTED */
    /* As in tl_predictor_options. All get the tokens that rank 0 draws. */
    tl_ranks *ranks;
    uint64_t offset_ranks;
} tl_generation;

/* Continues a prompt with the GPT of a checkpoint, a .safetensors file or a run folder; equal settings and seed
 * give the same text. Of a text longer than the model's context only the last tokens are seen, with a notice
 * in the log. *made: tokens generated, also after a failure; NULL: not wanted. */
tl_status tl_generate(tl_context *ctx, const char *checkpoint, const tl_generation *generation,
                      uint64_t *made);

/* ---- files of tensors ------------------------------------------------------------------------------ */

typedef struct tl_tensor_info {
    const char *name;  /* as `dtype`, valid until the file is closed */
    const char *dtype; /* "F32", "I64", "I32" or "U8" */
    uint32_t rank;     /* 0: a single number */
    uint64_t shape[8]; /* `rank` of them, outermost first */
    uint64_t count;    /* elements */
    uint64_t reserved[8];
} tl_tensor_info;

/* Opens a .safetensors file, or the newest weights in a run folder, and checks all of its header.
 * TL_ERROR_INPUT names the file and what is wrong with it. */
tl_status tl_file_open(const char *path, tl_file **out, tl_error *err);
void tl_file_close(tl_file *file); /* NULL is allowed */

/* Tensor `index`, in the order of the data in the file; false past the last. */
bool tl_file_tensor_at(const tl_file *file, int index, tl_tensor_info *out);
/* The tensor of this name; false: there is none. */
bool tl_file_tensor(const tl_file *file, const char *name, tl_tensor_info *out);
/* Elements [at, at + count) of the tensor `name`, in row-major order, as floats. Of the other dtypes: the
 * float next to the number. */
tl_status tl_file_read(tl_file *file, const char *name, uint64_t at, uint64_t count, float *target,
                       tl_error *err);

/* Pair `index` of the metadata, which holds the settings of a checkpoint's run as text; false past the last.
 * Both strings are valid until the file is closed. */
bool tl_file_metadata_at(const tl_file *file, int index, const char **key, const char **value);
const char *tl_file_metadata(const tl_file *file, const char *key); /* NULL: no such key */

/* ---- metrics of a run ------------------------------------------------------------------------------ */

/* A run's metrics.jsonl, read into host memory: training steps and evaluations with their numbers. Needs no
 * device; belongs to no context; may be read beside the run that writes it. */
typedef struct tl_metrics tl_metrics;

typedef struct tl_metrics_line {
    uint64_t step;    /* training steps done so far, this one included */
    uint64_t epoch;   /* of that step, from 1; 0: the line has none */
    const char *test; /* the test set of an evaluation; NULL: a training step. Valid until the close */
    uint64_t reserved[4];
} tl_metrics_line;

/* Opens a file of metrics, or that of a run folder. TL_ERROR_INPUT when there is none. */
tl_status tl_metrics_open(const char *path, tl_metrics **out, tl_error *err);
void tl_metrics_close(tl_metrics *metrics); /* NULL is allowed */

/* Line `index`, in the order of the file; false past the last. Where a resumed run did steps again, the later
 * lines count and the earlier ones are left out. */
bool tl_metrics_line_at(const tl_metrics *metrics, uint64_t index, tl_metrics_line *out);
/* Name of column `column`, in the order in which the file first has them: "loss", "lr", ...; NULL past the last. */
const char *tl_metrics_column(const tl_metrics *metrics, int column);
/* The number of a line in a column; NaN: the line has none there, or one that is not finite. */
double tl_metrics_value(const tl_metrics *metrics, uint64_t index, int column);
/* Number of lines that were skipped: cut off, not JSON, or without a step. */
uint64_t tl_metrics_unreadable(const tl_metrics *metrics);

/* ---- profile of the kernels ------------------------------------------------------------------------ */

/* What the launches of a kernel took. */
typedef struct tl_profile_row {
    char kernel[64];
    uint64_t launches, nanoseconds, longest; /* longest: nanoseconds of the slowest launch */
    double flops, bytes;                     /* sums over the launches; 0: unknown */
    uint64_t reserved[8];
} tl_profile_row;

/* Waits for the queue and sums up each kernel's launches since the context was created, in an array to be freed
 * with free(), longest time first. *count is 0 unless the context was created with `profile`. */
tl_status tl_profile_read(tl_context *ctx, tl_profile_row **rows, int *count);
/* Records every launch from now on for a trace, up to `most` of them (0: a million; later ones count in the
 * sums only, with one notice). Needs a context created with `profile`. */
tl_status tl_profile_trace(tl_context *ctx, uint64_t most);
/* Waits for the queue and writes the recorded launches as a Chrome trace ("X" events, in microseconds since the
 * first launch), for chrome://tracing or Perfetto. */
tl_status tl_profile_write_trace(tl_context *ctx, const char *path);

/* ---- self-test of the kernels ---------------------------------------------------------------------- */

typedef struct tl_self_test_row {
    const char *kernels; /* source file in kernels/, without ".cl" */
    tl_kernel_path form; /* TL_PATH_CPU or TL_PATH_GPU */
    double
        error; /* largest, in units of the expected rounding; infinite when it could not run or is not finite */
    bool right; /* error <= 1 */
    uint64_t reserved[8];
} tl_self_test_row;

enum { TL_SELF_TEST_ROWS = 64 }; /* rows are never more */

/* Compares every kernel with plain loops in double precision, on small odd shapes: in one form, or with
 * TL_PATH_AUTO in all that the device can run. `rows`: array of `capacity`; *count: how many were filled.
 * TL_ERROR_DEVICE when some kernels are right in none of the forms: the rows are filled nevertheless.
 * (Models and layers check a kernel before they first use it, in any case.) */
tl_status tl_self_test(tl_context *ctx, tl_kernel_path path, tl_self_test_row *rows, int capacity,
                       int *count);

/* Compares matrix products, by offset too, in a precision other than fp32 with plain loops. *tried: whether the device may have tensor
 * cores for it, which NVIDIA's GPUs may, and for BF16 AMD's of CDNA2 and 3 and Intel's with XMX; *error: as in tl_self_test_row. (A trainer does so before its first step, in any case.) */
tl_status tl_precision_test(tl_context *ctx, tl_precision precision, bool *tried, double *error);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
