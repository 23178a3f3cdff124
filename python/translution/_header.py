"""translution.h in ctypes. Written by tools/python_bindings: do not edit."""
from __future__ import annotations

from ctypes import (CFUNCTYPE, POINTER, Union, c_bool, c_char, c_char_p, c_double, c_float, c_int,  # noqa: F401
                    c_int32, c_int64, c_size_t, c_ubyte, c_uint, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p)
from enum import IntEnum
from typing import Any

from ._struct import Struct

VERSION = "0.3.0"
__all__ = ["Log", "DeviceInfo", "ContextOptions", "LayerConfig", "ModelConfig", "Batch", "ModelOptions", "OptimizerConfig", "OptimizerStepReport", "PlanOptions", "MemoryPlan", "Training", "RunOptions", "Settings", "SetFiles", "Result", "Step", "Evaluation", "Hooks", "RanksOptions", "RankTime", "Cluster", "RankPlan", "BatchRequest", "Data", "TrainerConfig", "Picture", "PredictorOptions", "Guess", "TokenizeProgress", "TokenizeOptions", "TokenizeResult", "Generation", "TensorInfo", "MetricsLine", "ProfileRow", "SelfTestRow", "Status", "LogLevel", "DeviceType", "KernelPath", "GemmMode", "Precision", "MemoryKind", "OpKind", "Sharing", "Role", "Positions", "Pool", "Arch", "OptimizerKind", "Recompute", "Motion", "Schedule", "Augment", "Set", "SCHEDULE_VERSION", "RANKS_TIMEOUT", "SELF_TEST_ROWS"]


class Status(IntEnum):
    r"""typedef enum tl_status {
        TL_OK = 0,
        TL_ERROR_USAGE,     /* a wrong option, shape or value: the caller must change the request   (exit 2) */
        TL_ERROR_INPUT,     /* a file is missing, malformed, truncated or does not fit the request  (exit 2) */
        TL_ERROR_NO_DEVICE, /* no usable OpenCL device at all                                       (exit 1) */
        TL_ERROR_MEMORY,    /* the plan or an allocation does not fit the device or the host        (exit 2) */
        TL_ERROR_DEVICE,    /* an OpenCL call failed while running                                  (exit 1) */
        TL_ERROR_IO,        /* a result could not be written                                        (exit 1) */
        TL_INTERRUPTED /* stopped on request after saving                                 (exit 128 + signal) */
    } tl_status;
    """

    OK = 0
    ERROR_USAGE = 1
    ERROR_INPUT = 2
    ERROR_NO_DEVICE = 3
    ERROR_MEMORY = 4
    ERROR_DEVICE = 5
    ERROR_IO = 6
    INTERRUPTED = 7


class Error(Struct):
    r"""typedef struct tl_error {
        tl_status status;
        char text[2048]; /* one sentence naming the problem and what to do; empty while status is TL_OK */
    } tl_error;
    """

    status: Status | int | str
    text: str | bytes | None
    _enums_ = {"status": Status}
    _fields_ = [
        ("status", c_int),
        ("text", c_char * 2048),
    ]


class LogLevel(IntEnum):
    r"""typedef enum tl_log_level { TL_LOG_ERROR, TL_LOG_NOTICE, TL_LOG_DETAIL } tl_log_level;
    """

    ERROR = 0
    NOTICE = 1
    DETAIL = 2


class Log(Struct):
    r"""/* Destination of log messages. A NULL tl_log is silent. */
    typedef struct tl_log {
        tl_log_level level; /* messages above this level are dropped */
        void (*write)(void *user, tl_log_level level, const char *line); /* line has no newline */
        void *user;
    } tl_log;
    """

    level: LogLevel | int | str
    write: Any
    user: int
    _enums_ = {"level": LogLevel}
    _fields_ = [
        ("level", c_int),
        ("write", CFUNCTYPE(None, c_void_p, c_int, c_char_p)),
        ("user", c_void_p),
    ]


class DeviceType(IntEnum):
    r"""typedef enum tl_device_type {
        TL_DEVICE_CPU,
        TL_DEVICE_GPU,
        TL_DEVICE_ACCELERATOR,
        TL_DEVICE_OTHER
    } tl_device_type;
    """

    CPU = 0
    GPU = 1
    ACCELERATOR = 2
    OTHER = 3


class DeviceInfo(Struct):
    r"""typedef struct tl_device_info {
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
    """

    platform: int
    device: int
    platform_name: str | bytes | None
    platform_version: str | bytes | None
    name: str | bytes | None
    version: str | bytes | None
    driver: str | bytes | None
    c_version: str | bytes | None
    type: DeviceType | int | str
    global_bytes: int
    max_alloc_bytes: int
    local_bytes: int
    compute_units: int
    max_work_group: int
    native_float_width: int
    align_bytes: int
    unified_memory: bool
    fp16: bool
    fp64: bool
    usable: bool
    reason: str | bytes | None
    platform_id: int
    device_id: int
    _enums_ = {"type": DeviceType}
    _fields_ = [
        ("platform", c_int),
        ("device", c_int),
        ("platform_name", c_char * 128),
        ("platform_version", c_char * 128),
        ("name", c_char * 128),
        ("version", c_char * 128),
        ("driver", c_char * 128),
        ("c_version", c_char * 128),
        ("type", c_int),
        ("global_bytes", c_uint64),
        ("max_alloc_bytes", c_uint64),
        ("local_bytes", c_uint64),
        ("compute_units", c_uint32),
        ("max_work_group", c_uint32),
        ("native_float_width", c_uint32),
        ("align_bytes", c_uint32),
        ("unified_memory", c_bool),
        ("fp16", c_bool),
        ("fp64", c_bool),
        ("usable", c_bool),
        ("reason", c_char * 128),
        ("platform_id", c_void_p),
        ("device_id", c_void_p),
    ]


class KernelPath(IntEnum):
    r"""/* Form of the tiled kernels: register tiles with one work-item per work-group (CPUs), or local-memory
     * tiles with many work-items per work-group (GPUs). AUTO: by the device's type. */
    typedef enum tl_kernel_path { TL_PATH_AUTO, TL_PATH_CPU, TL_PATH_GPU } tl_kernel_path;
    """

    AUTO = 0
    CPU = 1
    GPU = 2


class GemmMode(IntEnum):
    r"""/* GEMM implementation. AUTO: the project's kernels on CPUs; on GPUs whichever `tune` measured to be faster
     * or, if not tuned, CLBlast for large products. OWN: the project's; in training also those by matrix cores of
     * AMD's CDNA in fp32. CLBLAST: wherever possible. */
    typedef enum tl_gemm_mode { TL_GEMM_AUTO, TL_GEMM_OWN, TL_GEMM_CLBLAST } tl_gemm_mode;
    """

    AUTO = 0
    OWN = 1
    CLBLAST = 2


class Precision(IntEnum):
    r"""/* What matrix products round their operands to; sums are fp32 always. FP32: not at all. The others need tensor cores
     * (BF16: NVIDIA's, AMD's or Intel's, the rest NVIDIA's) and give up digits for speed: TF32 has 10 bits of mantissa and BF16 7, TF32X3 splits each
     * operand into two TF32 numbers and has about the error of FP32. */
    typedef enum tl_precision {
        TL_PRECISION_FP32,
        TL_PRECISION_TF32X3,
        TL_PRECISION_TF32,
        TL_PRECISION_BF16
    } tl_precision;
    """

    FP32 = 0
    TF32X3 = 1
    TF32 = 2
    BF16 = 3


class ContextOptions(Struct):
    r"""typedef struct tl_context_options {
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
    """

    size: int
    device: str | bytes | None
    gemm: GemmMode | int | str
    path: KernelPath | int | str
    profile: bool
    memory_limit: int
    max_alloc_bytes: int
    log: Any
    _enums_ = {"gemm": GemmMode, "path": KernelPath}
    _fields_ = [
        ("size", c_size_t),
        ("device", c_char_p),
        ("gemm", c_int),
        ("path", c_int),
        ("profile", c_bool),
        ("memory_limit", c_uint64),
        ("max_alloc_bytes", c_uint64),
        ("log", POINTER(Log)),
    ]


class MemoryKind(IntEnum):
    r"""/* Memory accounting: what a tensor is used for. */
    typedef enum tl_memory_kind {
        TL_MEMORY_PARAMETER,
        TL_MEMORY_GRADIENT,
        TL_MEMORY_MOMENT,
        TL_MEMORY_ACTIVATION,
        TL_MEMORY_WORKSPACE,
        TL_MEMORY_DATA,
        TL_MEMORY_KINDS
    } tl_memory_kind;
    """

    PARAMETER = 0
    GRADIENT = 1
    MOMENT = 2
    ACTIVATION = 3
    WORKSPACE = 4
    DATA = 5
    KINDS = 6


class OpKind(IntEnum):
    r"""typedef enum tl_op_kind {
        TL_OP_ATTENTION,
        TL_OP_TRANSLUTION,
        TL_OP_ALPHA,
        TL_OP_ALPHA_PURE, /* alpha without the shared path: W = W1 W_offset, for v W1 W_offset W2 */
        TL_OP_ABSOLUTE,   /* Translution with one matrix per pair of tokens instead of per offset */
        TL_OP_CONV        /* a convolution: the sum of x_j Wv[offset] over a window */
    } tl_op_kind;
    """

    ATTENTION = 0
    TRANSLUTION = 1
    ALPHA = 2
    ALPHA_PURE = 3
    ABSOLUTE = 4
    CONV = 5


class Sharing(IntEnum):
    r"""/* How offsets beyond a radius share matrices, on each axis. */
    typedef enum tl_sharing {
        TL_SHARING_NONE,
        TL_SHARING_CLIP, /* all use the radius's */
        TL_SHARING_LOG   /* by octaves: (R, 2R], (2R, 4R], ... */
    } tl_sharing;
    """

    NONE = 0
    CLIP = 1
    LOG = 2


class Role(IntEnum):
    Q = 1
    K = 2
    V = 4
    QKV = 7


class Positions(IntEnum):
    r"""typedef enum tl_positions {
        TL_POSITIONS_DEFAULT, /* learned for attention, none for the other operations */
        TL_POSITIONS_NONE,
        TL_POSITIONS_LEARNED,
        TL_POSITIONS_ROPE,   /* rotary */
        TL_POSITIONS_SWIN,   /* a learned number for every offset and head, added to the logits */
        TL_POSITIONS_SHAW,   /* learned vectors for every offset, added to the keys and the values */
        TL_POSITIONS_CONVIT, /* a second softmax, over positions only, and a gate per head (ConViT) */
        TL_POSITIONS_ALIBI   /* logits decrease with the distance, by a fixed slope per head (ALiBi) */
    } tl_positions;
    """

    DEFAULT = 0
    NONE = 1
    LEARNED = 2
    ROPE = 3
    SWIN = 4
    SHAW = 5
    CONVIT = 6
    ALIBI = 7


class Parameter(Struct):
    r"""/* A parameter of a layer or a model. The tensors belong to the layer or the model: write values, read
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
    """

    name: str | bytes | None
    rank: int
    shape: int
    decay: bool
    value: int
    gradient: int
    reserved: int
    _fields_ = [
        ("name", c_char_p),
        ("rank", c_uint32),
        ("shape", c_uint64 * 4),
        ("decay", c_bool),
        ("value", c_void_p),
        ("gradient", c_void_p),
        ("reserved", c_uint64 * 8),
    ]


class LayerConfig(Struct):
    r"""/* An attention layer between x (after the caller's LayerNorm) and o (before the caller's output
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
    """

    size: int
    op: OpKind | int | str
    depth: int
    height: int
    width: int
    max_length: int
    sharing: Sharing | int | str
    sharing_radius: int
    window: int
    cls: bool
    causal: bool
    batch: int
    dim: int
    heads: int
    head_dim: int
    relenc_dim: int
    relative: int
    positions: Positions | int | str
    inference: bool
    kv_cache: bool
    _enums_ = {"op": OpKind, "sharing": Sharing, "positions": Positions}
    _fields_ = [
        ("size", c_size_t),
        ("op", c_int),
        ("depth", c_uint32),
        ("height", c_uint32),
        ("width", c_uint32),
        ("max_length", c_uint32),
        ("sharing", c_int),
        ("sharing_radius", c_uint32),
        ("window", c_uint32),
        ("cls", c_bool),
        ("causal", c_bool),
        ("batch", c_uint32),
        ("dim", c_uint32),
        ("heads", c_uint32),
        ("head_dim", c_uint32),
        ("relenc_dim", c_uint32),
        ("relative", c_uint32),
        ("positions", c_int),
        ("inference", c_bool),
        ("kv_cache", c_bool),
    ]


class Pool(IntEnum):
    r"""typedef enum tl_pool { TL_POOL_CLS, TL_POOL_MEAN } tl_pool;
    """

    CLS = 0
    MEAN = 1


class Arch(IntEnum):
    r"""typedef enum tl_arch {
        TL_ARCH_VIT, /* Vision Transformers of images, or of volumes and videos, cut into patches */
        TL_ARCH_GPT  /* causal models of sequences of up to seq_len tokens out of vocab_size */
    } tl_arch;
    """

    VIT = 0
    GPT = 1


class ModelConfig(Struct):
    r"""/* A model. Members of the other architecture are ignored. */
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
    """

    size: int
    arch: Arch | int | str
    op: OpKind | int | str
    positions: Positions | int | str
    pool: Pool | int | str
    image_depth: int
    image_height: int
    image_width: int
    channels: int
    patch_depth: int
    patch_height: int
    patch_width: int
    classes: int
    seq_len: int
    vocab_size: int
    dim: int
    depth: int
    heads: int
    head_dim: int
    mlp_dim: int
    relenc_dim: int
    relative: int
    translution_layers: int
    sharing: Sharing | int | str
    sharing_radius: int
    window: int
    recompute: bool
    offset_ranks: int
    offset_rank: int
    chunk_bytes: int
    _enums_ = {"arch": Arch, "op": OpKind, "positions": Positions, "pool": Pool, "sharing": Sharing}
    _fields_ = [
        ("size", c_size_t),
        ("arch", c_int),
        ("op", c_int),
        ("positions", c_int),
        ("pool", c_int),
        ("image_depth", c_uint32),
        ("image_height", c_uint32),
        ("image_width", c_uint32),
        ("channels", c_uint32),
        ("patch_depth", c_uint32),
        ("patch_height", c_uint32),
        ("patch_width", c_uint32),
        ("classes", c_uint32),
        ("seq_len", c_uint32),
        ("vocab_size", c_uint32),
        ("dim", c_uint32),
        ("depth", c_uint32),
        ("heads", c_uint32),
        ("head_dim", c_uint32),
        ("mlp_dim", c_uint32),
        ("relenc_dim", c_uint32),
        ("relative", c_uint32),
        ("translution_layers", c_uint32),
        ("sharing", c_int),
        ("sharing_radius", c_uint32),
        ("window", c_uint32),
        ("recompute", c_bool),
        ("offset_ranks", c_uint32),
        ("offset_rank", c_uint32),
        ("chunk_bytes", c_uint64),
    ]


class Batch(Struct):
    r"""/* A batch in the caller's memory, which is copied before a call returns; members of the other architecture
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
    """

    size: int
    count: int
    images: Any
    tokens: Any
    length: int
    first: int
    targets: Any
    soft_targets: Any
    image_tensor: int
    _fields_ = [
        ("size", c_size_t),
        ("count", c_uint32),
        ("images", POINTER(c_float)),
        ("tokens", POINTER(c_int32)),
        ("length", c_uint32),
        ("first", c_uint32),
        ("targets", POINTER(c_int32)),
        ("soft_targets", POINTER(c_float)),
        ("image_tensor", c_void_p),
    ]


class ModelOptions(Struct):
    r"""/* What a model is created for. */
    typedef struct tl_model_options {
        size_t size;    /* sizeof(tl_model_options) */
        uint32_t batch; /* largest number of samples in a batch */
        bool training;  /* with gradients and what backward needs; otherwise inference */
        /* GPT, inference: keeps the keys and values of past tokens, so that a batch need only hold the tokens
         * after tl_batch.first. All batches then have `batch` samples. */
        bool kv_cache;
        uint64_t seed; /* of the initial values */
    } tl_model_options;
    """

    size: int
    batch: int
    training: bool
    kv_cache: bool
    seed: int
    _fields_ = [
        ("size", c_size_t),
        ("batch", c_uint32),
        ("training", c_bool),
        ("kv_cache", c_bool),
        ("seed", c_uint64),
    ]


class OptimizerKind(IntEnum):
    r"""typedef enum tl_optimizer_kind { TL_OPTIMIZER_ADAMW, TL_OPTIMIZER_LION } tl_optimizer_kind;
    """

    ADAMW = 0
    LION = 1


class OptimizerConfig(Struct):
    r"""typedef struct tl_optimizer_config {
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
    """

    size: int
    kind: OptimizerKind | int | str
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    grad_clip: float
    skip_nonfinite: bool
    _enums_ = {"kind": OptimizerKind}
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
        ("beta1", c_float),
        ("beta2", c_float),
        ("eps", c_float),
        ("weight_decay", c_float),
        ("grad_clip", c_float),
        ("skip_nonfinite", c_bool),
    ]


class OptimizerStepReport(Struct):
    r"""typedef struct tl_optimizer_step_report {
        double norm;        /* of all gradients together, before clipping; not finite if a gradient is not */
        bool skipped;       /* the step was left out */
        const char *broken; /* the first parameter with a gradient that is not finite; NULL: none */
        uint64_t reserved[8];
    } tl_optimizer_step_report;
    """

    norm: float
    skipped: bool
    broken: str | bytes | None
    reserved: int
    _fields_ = [
        ("norm", c_double),
        ("skipped", c_bool),
        ("broken", c_char_p),
        ("reserved", c_uint64 * 8),
    ]


class Recompute(IntEnum):
    r"""typedef enum tl_recompute {
        TL_RECOMPUTE_AUTO, /* save what tl_model_config.recompute names if it fits the device */
        TL_RECOMPUTE_ALWAYS,
        TL_RECOMPUTE_NEVER
    } tl_recompute;
    """

    AUTO = 0
    ALWAYS = 1
    NEVER = 2


class PlanOptions(Struct):
    r"""typedef struct tl_plan_options {
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
    """

    size: int
    batch: int
    training: bool
    optimizer: OptimizerKind | int | str
    recompute: Recompute | int | str
    memory_limit: int
    max_alloc_bytes: int
    no_clipping: bool
    grad_slices: int
    ranks: int
    offset_ranks: int
    _enums_ = {"optimizer": OptimizerKind, "recompute": Recompute}
    _fields_ = [
        ("size", c_size_t),
        ("batch", c_uint32),
        ("training", c_bool),
        ("optimizer", c_int),
        ("recompute", c_int),
        ("memory_limit", c_uint64),
        ("max_alloc_bytes", c_uint64),
        ("no_clipping", c_bool),
        ("grad_slices", c_uint64),
        ("ranks", c_uint64),
        ("offset_ranks", c_uint64),
    ]


class MemoryPlan(Struct):
    r"""/* Bytes on the device of a model and, in training, its optimizer. */
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
    """

    bytes: int
    total: int
    largest: int
    largest_name: str | bytes | None
    params: int
    fits: bool
    recompute: bool
    can_recompute: bool
    largest_batch: int
    chunk_bytes: int
    reserved: int
    _fields_ = [
        ("bytes", c_uint64 * 6),
        ("total", c_uint64),
        ("largest", c_uint64),
        ("largest_name", c_char * 96),
        ("params", c_uint64),
        ("fits", c_bool),
        ("recompute", c_bool),
        ("can_recompute", c_bool),
        ("largest_batch", c_uint32),
        ("chunk_bytes", c_uint64),
        ("reserved", c_uint64 * 7),
    ]


class Motion(IntEnum):
    r"""typedef enum tl_motion { TL_MOTION_STATIC, TL_MOTION_DYNAMIC } tl_motion;
    """

    STATIC = 0
    DYNAMIC = 1


class Schedule(IntEnum):
    r"""typedef enum tl_schedule { TL_SCHEDULE_COSINE, TL_SCHEDULE_COSINE_EPOCH, TL_SCHEDULE_CONSTANT } tl_schedule;
    """

    COSINE = 0
    COSINE_EPOCH = 1
    CONSTANT = 2

SCHEDULE_VERSION = 2


class Augment(IntEnum):
    r"""/* Augmentations of the task vit, an OR of these; all random choices follow from the seed. */
    typedef enum tl_augment {
        TL_AUGMENT_CROP = 1,        /* random resized crop; without it the centre, as in evaluation */
        TL_AUGMENT_FLIP = 2,        /* horizontal, half of the time */
        TL_AUGMENT_RANDAUGMENT = 4, /* two of 14 geometric or colour operations */
        TL_AUGMENT_MIXUP = 8,       /* batches of weighted sums of two images and their classes ... */
        TL_AUGMENT_CUTMIX = 16,     /* ... or with a rectangle from another image; either at random if both */
        TL_AUGMENT_ALL = 31
    } tl_augment;
    """

    CROP = 1
    FLIP = 2
    RANDAUGMENT = 4
    MIXUP = 8
    CUTMIX = 16
    ALL = 31


class Training(Struct):
    r"""/* How a model is trained: stored in checkpoints, unchanged when a run is resumed. */
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
    """

    size: int
    seed: int
    epochs: int
    steps: int
    batch_size: int
    lr: float
    weight_decay: float
    grad_clip: float
    optimizer: OptimizerKind | int | str
    beta1: float
    beta2: float
    eps: float
    schedule: Schedule | int | str
    schedule_version: int
    warmup: int
    limit_train: int
    limit_test: int
    motion: Motion | int | str
    test_motion: Motion | int | str
    samples_per_epoch: int
    augment: int
    exact_decode: bool
    grad_slices: int
    precision: Precision | int | str
    _enums_ = {"optimizer": OptimizerKind, "schedule": Schedule, "motion": Motion, "test_motion": Motion, "precision": Precision}
    _fields_ = [
        ("size", c_size_t),
        ("seed", c_uint64),
        ("epochs", c_uint64),
        ("steps", c_uint64),
        ("batch_size", c_uint32),
        ("lr", c_float),
        ("weight_decay", c_float),
        ("grad_clip", c_float),
        ("optimizer", c_int),
        ("beta1", c_float),
        ("beta2", c_float),
        ("eps", c_float),
        ("schedule", c_int),
        ("schedule_version", c_uint32),
        ("warmup", c_uint64),
        ("limit_train", c_uint32),
        ("limit_test", c_uint32),
        ("motion", c_int),
        ("test_motion", c_int),
        ("samples_per_epoch", c_uint64),
        ("augment", c_uint32),
        ("exact_decode", c_bool),
        ("grad_slices", c_uint64),
        ("precision", c_int),
    ]


class RunOptions(Struct):
    r"""/* Where and how a run executes: not stored in checkpoints. */
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
    """

    size: int
    data: str | bytes | None
    out: str | bytes | None
    metrics: str | bytes | None
    init: str | bytes | None
    init_partial: bool
    resume: bool
    stored_length: bool
    allow_other_data: bool
    exact_batch: bool
    exact_labels: bool
    stop_after: int
    eval_every: int
    checkpoint_every: int
    checkpoint_minutes: float
    keep: int
    keep_all: bool
    skip_nonfinite: bool
    recompute: Recompute | int | str
    workers: int
    strict: bool
    confusion: str | bytes | None
    accumulate: int
    attention_maps: str | bytes | None
    tensorboard: bool
    offset_ranks: int
    _enums_ = {"recompute": Recompute}
    _fields_ = [
        ("size", c_size_t),
        ("data", c_char * 1024),
        ("out", c_char * 1024),
        ("metrics", c_char * 1024),
        ("init", c_char * 1024),
        ("init_partial", c_bool),
        ("resume", c_bool),
        ("stored_length", c_bool),
        ("allow_other_data", c_bool),
        ("exact_batch", c_bool),
        ("exact_labels", c_bool),
        ("stop_after", c_uint64),
        ("eval_every", c_uint64),
        ("checkpoint_every", c_uint64),
        ("checkpoint_minutes", c_float),
        ("keep", c_uint64),
        ("keep_all", c_bool),
        ("skip_nonfinite", c_bool),
        ("recompute", c_int),
        ("workers", c_uint32),
        ("strict", c_bool),
        ("confusion", c_char * 1024),
        ("accumulate", c_uint64),
        ("attention_maps", c_char * 1024),
        ("tensorboard", c_bool),
        ("offset_ranks", c_uint64),
    ]


class _SettingsPart2(Union):
    _fields_ = [
        ("model", ModelConfig),
        ("model_room", c_char * 512),
    ]


class _SettingsPart3(Union):
    _fields_ = [
        ("training", Training),
        ("training_room", c_char * 512),
    ]


class _SettingsPart4(Union):
    _fields_ = [
        ("run", RunOptions),
        ("run_room", c_char * 8192),
    ]


class Settings(Struct):
    r"""/* All settings of a run. Contains no pointers: copies are independent. Initialise with tl_settings_default,
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
    """

    size: int
    task: str | bytes | None
    model: ModelConfig
    model_room: str | bytes | None
    training: Training
    training_room: str | bytes | None
    run: RunOptions
    run_room: str | bytes | None
    _anonymous_ = ('_2', '_3', '_4')
    _fields_ = [
        ("size", c_size_t),
        ("task", c_char * 16),
        ("_2", _SettingsPart2),
        ("_3", _SettingsPart3),
        ("_4", _SettingsPart4),
    ]


class SetFiles(Struct):
    r"""/* Files of an image data set. */
    typedef struct tl_set_files {
        bool known;           /* false: the task does not read images of files */
        uint64_t images;      /* read, or not known to be unreadable */
        uint64_t passed_over; /* found to be unreadable */
        uint64_t ignored;     /* skipped by name: not an image format */
    } tl_set_files;
    """

    known: bool
    images: int
    passed_over: int
    ignored: int
    _fields_ = [
        ("known", c_bool),
        ("images", c_uint64),
        ("passed_over", c_uint64),
        ("ignored", c_uint64),
    ]


class Result(Struct):
    r"""/* Members that a task does not have are NaN. */
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
    """

    steps: int
    params: int
    peak_device_bytes: int
    loss: float
    test_loss: float
    perplexity: float
    top1: float
    top5: float
    top1_static: float
    top1_dynamic: float
    not_finite: int
    step_ms: float
    data_wait: float
    files: SetFiles
    test_files: SetFiles
    out: str | bytes | None
    communication: float
    precision: Precision | int | str
    reserved: int
    _enums_ = {"precision": Precision}
    _fields_ = [
        ("steps", c_uint64),
        ("params", c_uint64),
        ("peak_device_bytes", c_uint64),
        ("loss", c_double),
        ("test_loss", c_double),
        ("perplexity", c_double),
        ("top1", c_double),
        ("top5", c_double),
        ("top1_static", c_double),
        ("top1_dynamic", c_double),
        ("not_finite", c_uint64),
        ("step_ms", c_double),
        ("data_wait", c_double),
        ("files", SetFiles),
        ("test_files", SetFiles),
        ("out", c_char * 1024),
        ("communication", c_double),
        ("precision", c_int),
        ("reserved", c_uint64 * 6),
    ]


class Step(Struct):
    r"""/* A step of a run. */
    typedef struct tl_step {
        uint64_t step, total; /* steps done, and of the whole run */
        uint64_t epoch;       /* from 1 */
        double loss, lr;      /* NaN or infinite: see run.skip_nonfinite */
        double rate;          /* predictions (images or tokens) a second */
        uint64_t reserved[8];
    } tl_step;
    """

    step: int
    total: int
    epoch: int
    loss: float
    lr: float
    rate: float
    reserved: int
    _fields_ = [
        ("step", c_uint64),
        ("total", c_uint64),
        ("epoch", c_uint64),
        ("loss", c_double),
        ("lr", c_double),
        ("rate", c_double),
        ("reserved", c_uint64 * 8),
    ]


class Evaluation(Struct):
    r"""/* Scores of a test set. */
    typedef struct tl_evaluation {
        uint64_t step;     /* steps that the model was trained */
        const char *set;   /* "val"; "static" and "dynamic" of mnist */
        double loss;       /* mean */
        double top1, top5; /* percent; NaN: a GPT */
        uint64_t predictions;
        uint64_t not_finite; /* of them, with a logit that is not finite: counted as wrong */
        uint64_t reserved[8];
    } tl_evaluation;
    """

    step: int
    set: str | bytes | None
    loss: float
    top1: float
    top5: float
    predictions: int
    not_finite: int
    reserved: int
    _fields_ = [
        ("step", c_uint64),
        ("set", c_char_p),
        ("loss", c_double),
        ("top1", c_double),
        ("top5", c_double),
        ("predictions", c_uint64),
        ("not_finite", c_uint64),
        ("reserved", c_uint64 * 8),
    ]


class Hooks(Struct):
    r"""/* Callbacks of a run, all of them optional. Progress is written to `progress` (one rewritten line if isatty,
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
    """

    size: int
    progress: int
    stop: Any
    user: int
    on_step: Any
    on_evaluation: Any
    ranks: int
    init: int
    _fields_ = [
        ("size", c_size_t),
        ("progress", c_void_p),
        ("stop", POINTER(c_int)),
        ("user", c_void_p),
        ("on_step", CFUNCTYPE(c_bool, c_void_p, POINTER(Step))),
        ("on_evaluation", CFUNCTYPE(c_bool, c_void_p, POINTER(Evaluation))),
        ("ranks", c_void_p),
        ("init", c_void_p),
    ]

RANKS_TIMEOUT = 600


class RanksOptions(Struct):
    r"""typedef struct tl_ranks_options {
        size_t size; /* sizeof(tl_ranks_options) */
        /* Seconds that a rank waits for one of which nothing is heard, because it was stopped or its driver hangs; then the
         * run fails with TL_ERROR_DEVICE and its number. Rank 0 is heard of while it evaluates and saves. 0: TL_RANKS_TIMEOUT. */
        double timeout;
        /* For a program that has called MPI_Init itself: the address of the MPI_Comm of the processes that take part, of the
         * MPI that translution_mpi.so was built with. It is duplicated; MPI_Finalize remains the program's, after
         * tl_ranks_close. All MPI calls are made in the thread that calls the library. NULL: all that were started together. */
        void *communicator;
    } tl_ranks_options;
    """

    size: int
    timeout: float
    communicator: int
    _fields_ = [
        ("size", c_size_t),
        ("timeout", c_double),
        ("communicator", c_void_p),
    ]


class RankTime(Struct):
    r"""/* What this rank's steps in runs have spent with other ranks on one kind of numbers, without the first step of each run, which
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
    """

    what: str | bytes | None
    seconds: float
    step_seconds: float
    steps: int
    messages: int
    sent_bytes: int
    reserved: int
    _fields_ = [
        ("what", c_char_p),
        ("seconds", c_double),
        ("step_seconds", c_double),
        ("steps", c_uint64),
        ("messages", c_uint64),
        ("sent_bytes", c_uint64),
        ("reserved", c_uint64 * 8),
    ]


class Cluster(Struct):
    r"""/* Equal devices, one a rank, and what connects them; 0: unknown. */
    typedef struct tl_cluster {
        size_t size; /* sizeof(tl_cluster) */
        uint64_t ranks;
        uint64_t memory_limit, max_alloc_bytes; /* of a device, as in tl_plan_options */
        double link_gbps;                       /* 1e9 bits that a rank can send in a second */
        double link_latency_us;                 /* microseconds that a message takes besides */
        double
            device_tflops; /* 1e12 floating-point operations a second in a step, as `translution bench step` measures */
    } tl_cluster;
    """

    size: int
    ranks: int
    memory_limit: int
    max_alloc_bytes: int
    link_gbps: float
    link_latency_us: float
    device_tflops: float
    _fields_ = [
        ("size", c_size_t),
        ("ranks", c_uint64),
        ("memory_limit", c_uint64),
        ("max_alloc_bytes", c_uint64),
        ("link_gbps", c_double),
        ("link_latency_us", c_double),
        ("device_tflops", c_double),
    ]


class RankPlan(Struct):
    r"""/* What a step takes of the rank that has most to do. Its time is the sum of both: ranks exchange when they have computed. */
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
    """

    memory: MemoryPlan
    slices: int
    sent_bytes: int
    messages: int
    flops: float
    compute_seconds: float
    link_seconds: float
    fitting_offset_ranks: int
    reserved: int
    _fields_ = [
        ("memory", MemoryPlan),
        ("slices", c_uint64),
        ("sent_bytes", c_uint64),
        ("messages", c_uint64),
        ("flops", c_double),
        ("compute_seconds", c_double),
        ("link_seconds", c_double),
        ("fitting_offset_ranks", c_uint64),
        ("reserved", c_uint64 * 7),
    ]


class Set(IntEnum):
    r"""typedef enum tl_set { TL_SET_TRAIN, TL_SET_TEST } tl_set;
    """

    TRAIN = 0
    TEST = 1


class BatchRequest(Struct):
    r"""/* Which samples a batch is to hold. */
    typedef struct tl_batch_request {
        tl_set set;
        uint64_t step;           /* training: steps done before; test: batches before */
        uint64_t epoch;          /* training: from 0 */
        uint32_t count;          /* at most training.batch_size; the last batch of an epoch may be smaller */
        const uint64_t *samples; /* [count] numbers of the samples in their set, from 0 */
        uint64_t reserved[8];
    } tl_batch_request;
    """

    set: Set | int | str
    step: int
    epoch: int
    count: int
    samples: Any
    reserved: int
    _enums_ = {"set": Set}
    _fields_ = [
        ("set", c_int),
        ("step", c_uint64),
        ("epoch", c_uint64),
        ("count", c_uint32),
        ("samples", POINTER(c_uint64)),
        ("reserved", c_uint64 * 8),
    ]


class Data(Struct):
    r"""/* The caller's data. The texts must outlive the trainer. */
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
    """

    size: int
    user: int
    samples: int
    test_samples: int
    shuffle: bool
    fill: Any
    identity: str | bytes | None
    labels: str | bytes | None
    _fields_ = [
        ("size", c_size_t),
        ("user", c_void_p),
        ("samples", c_uint64),
        ("test_samples", c_uint64),
        ("shuffle", c_bool),
        ("fill", CFUNCTYPE(c_int, c_void_p, POINTER(BatchRequest), POINTER(Batch), POINTER(Error))),
        ("identity", c_char_p),
        ("labels", c_char_p),
    ]


class TrainerConfig(Struct):
    r"""typedef struct tl_trainer_config {
        size_t size; /* sizeof(tl_trainer_config) */
        /* Copied. For own data made by tl_settings_default(&settings, "own-vit") or "own-gpt"; run.data is
         * ignored, training.limit_train and limit_test are not. */
        const tl_settings *settings;
        const tl_data *data;   /* copied; NULL: those of settings->task */
        const tl_hooks *hooks; /* copied; NULL: none */
    } tl_trainer_config;
    """

    size: int
    settings: Any
    data: Any
    hooks: Any
    _fields_ = [
        ("size", c_size_t),
        ("settings", POINTER(Settings)),
        ("data", POINTER(Data)),
        ("hooks", POINTER(Hooks)),
    ]


class Picture(Struct):
    r"""/* A picture of 8-bit RGB. */
    typedef struct tl_picture {
        uint32_t width, height;
        uint8_t *pixels; /* [height][width][3]; functions that read a picture do not change them */
    } tl_picture;
    """

    width: int
    height: int
    pixels: Any
    _fields_ = [
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixels", POINTER(c_uint8)),
    ]


class PredictorOptions(Struct):
    r"""typedef struct tl_predictor_options {
        size_t size;    /* sizeof(tl_predictor_options) */
        uint32_t batch; /* largest `count` of tl_predictor_classify_batch; 0: 1 */
        /* That share the model's matrices by offset out, and call alike; NULL: this process has them all. */
        tl_ranks *ranks;
        uint64_t offset_ranks; /* as many as there are; 0: 1 */
    } tl_predictor_options;
    """

    size: int
    batch: int
    ranks: int
    offset_ranks: int
    _fields_ = [
        ("size", c_size_t),
        ("batch", c_uint32),
        ("ranks", c_void_p),
        ("offset_ranks", c_uint64),
    ]


class Guess(Struct):
    r"""typedef struct tl_guess {
        uint32_t class_index;
        double probability; /* 0 to 1: softmax of the logits over all classes */
    } tl_guess;
    """

    class_index: int
    probability: float
    _fields_ = [
        ("class_index", c_uint32),
        ("probability", c_double),
    ]


class TokenizeProgress(Struct):
    r"""typedef struct tl_tokenize_progress {
        uint64_t bytes, total_bytes; /* bytes read; of all files, 0: unknown */
        uint64_t documents, tokens;
        uint64_t reserved[8];
    } tl_tokenize_progress;
    """

    bytes: int
    total_bytes: int
    documents: int
    tokens: int
    reserved: int
    _fields_ = [
        ("bytes", c_uint64),
        ("total_bytes", c_uint64),
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("reserved", c_uint64 * 8),
    ]


class TokenizeOptions(Struct):
    r"""typedef struct tl_tokenize_options {
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
    """

    size: int
    tokenizer: int
    files: Any
    file_count: int
    out: str | bytes | None
    separator: str | bytes | None
    val_fraction: float
    cut_single: bool
    seed: int
    threads: int
    chunk: int
    progress: Any
    user: int
    stop: Any
    _fields_ = [
        ("size", c_size_t),
        ("tokenizer", c_void_p),
        ("files", POINTER(c_char_p)),
        ("file_count", c_size_t),
        ("out", c_char_p),
        ("separator", c_char_p),
        ("val_fraction", c_double),
        ("cut_single", c_bool),
        ("seed", c_uint64),
        ("threads", c_uint32),
        ("chunk", c_size_t),
        ("progress", CFUNCTYPE(None, c_void_p, POINTER(TokenizeProgress))),
        ("user", c_void_p),
        ("stop", POINTER(c_int)),
    ]


class TokenizeResult(Struct):
    r"""typedef struct tl_tokenize_result {
        uint64_t bytes, documents, val_documents, train_tokens, val_tokens;
        uint64_t not_utf8, nuls; /* bytes of the text that are not UTF-8, and that are 0 */
        uint64_t marks;          /* files with a byte-order mark, which is dropped */
        uint32_t vocab_size;
        uint64_t reserved[8];
    } tl_tokenize_result;
    """

    bytes: int
    documents: int
    val_documents: int
    train_tokens: int
    val_tokens: int
    not_utf8: int
    nuls: int
    marks: int
    vocab_size: int
    reserved: int
    _fields_ = [
        ("bytes", c_uint64),
        ("documents", c_uint64),
        ("val_documents", c_uint64),
        ("train_tokens", c_uint64),
        ("val_tokens", c_uint64),
        ("not_utf8", c_uint64),
        ("nuls", c_uint64),
        ("marks", c_uint64),
        ("vocab_size", c_uint32),
        ("reserved", c_uint64 * 8),
    ]


class Generation(Struct):
    r"""/* What tl_generate makes. Strings must outlive the call. */
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
    """

    size: int
    prompt: str | bytes | None
    vocab: str | bytes | None
    encoder: str | bytes | None
    tokens: int
    temperature: float
    top_k: int
    top_p: float
    seed: int
    no_cache: bool
    write: Any
    user: int
    progress: int
    stop: Any
    ranks: int
    offset_ranks: int
    _fields_ = [
        ("size", c_size_t),
        ("prompt", c_char_p),
        ("vocab", c_char_p),
        ("encoder", c_char_p),
        ("tokens", c_uint64),
        ("temperature", c_float),
        ("top_k", c_uint32),
        ("top_p", c_float),
        ("seed", c_uint64),
        ("no_cache", c_bool),
        ("write", CFUNCTYPE(c_int, c_void_p, c_int32, c_void_p, c_size_t, POINTER(Error))),
        ("user", c_void_p),
        ("progress", c_void_p),
        ("stop", POINTER(c_int)),
        ("ranks", c_void_p),
        ("offset_ranks", c_uint64),
    ]


class TensorInfo(Struct):
    r"""typedef struct tl_tensor_info {
        const char *name;  /* as `dtype`, valid until the file is closed */
        const char *dtype; /* "F32", "I64", "I32" or "U8" */
        uint32_t rank;     /* 0: a single number */
        uint64_t shape[8]; /* `rank` of them, outermost first */
        uint64_t count;    /* elements */
        uint64_t reserved[8];
    } tl_tensor_info;
    """

    name: str | bytes | None
    dtype: str | bytes | None
    rank: int
    shape: int
    count: int
    reserved: int
    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_char_p),
        ("rank", c_uint32),
        ("shape", c_uint64 * 8),
        ("count", c_uint64),
        ("reserved", c_uint64 * 8),
    ]


class MetricsLine(Struct):
    r"""typedef struct tl_metrics_line {
        uint64_t step;    /* training steps done so far, this one included */
        uint64_t epoch;   /* of that step, from 1; 0: the line has none */
        const char *test; /* the test set of an evaluation; NULL: a training step. Valid until the close */
        uint64_t reserved[4];
    } tl_metrics_line;
    """

    step: int
    epoch: int
    test: str | bytes | None
    reserved: int
    _fields_ = [
        ("step", c_uint64),
        ("epoch", c_uint64),
        ("test", c_char_p),
        ("reserved", c_uint64 * 4),
    ]


class ProfileRow(Struct):
    r"""/* What the launches of a kernel took. */
    typedef struct tl_profile_row {
        char kernel[64];
        uint64_t launches, nanoseconds, longest; /* longest: nanoseconds of the slowest launch */
        double flops, bytes;                     /* sums over the launches; 0: unknown */
        uint64_t reserved[8];
    } tl_profile_row;
    """

    kernel: str | bytes | None
    launches: int
    nanoseconds: int
    longest: int
    flops: float
    bytes: float
    reserved: int
    _fields_ = [
        ("kernel", c_char * 64),
        ("launches", c_uint64),
        ("nanoseconds", c_uint64),
        ("longest", c_uint64),
        ("flops", c_double),
        ("bytes", c_double),
        ("reserved", c_uint64 * 8),
    ]


class SelfTestRow(Struct):
    r"""typedef struct tl_self_test_row {
        const char *kernels; /* source file in kernels/, without ".cl" */
        tl_kernel_path form; /* TL_PATH_CPU or TL_PATH_GPU */
        double
            error; /* largest, in units of the expected rounding; infinite when it could not run or is not finite */
        bool right; /* error <= 1 */
        uint64_t reserved[8];
    } tl_self_test_row;
    """

    kernels: str | bytes | None
    form: KernelPath | int | str
    error: float
    right: bool
    reserved: int
    _enums_ = {"form": KernelPath}
    _fields_ = [
        ("kernels", c_char_p),
        ("form", c_int),
        ("error", c_double),
        ("right", c_bool),
        ("reserved", c_uint64 * 8),
    ]

SELF_TEST_ROWS = 64


# name: (result, arguments)
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "tl_exit_code": (c_int, [c_int]),
    "tl_device_list": (c_int, [POINTER(POINTER(DeviceInfo)), POINTER(c_int), POINTER(Error)]),
    "tl_device_select": (c_int, [POINTER(DeviceInfo), c_int, c_char_p, POINTER(c_int), POINTER(Error)]),
    "tl_device_type_name": (c_char_p, [c_int]),
    "tl_device_chunk_bytes": (c_uint64, [POINTER(DeviceInfo), c_int, c_uint64]),
    "tl_context_create": (c_int, [POINTER(ContextOptions), POINTER(c_void_p), POINTER(Error)]),
    "tl_context_adopt": (c_int, [c_void_p, c_void_p, POINTER(ContextOptions), POINTER(c_void_p), POINTER(Error)]),
    "tl_context_destroy": (None, [c_void_p]),
    "tl_context_error": (POINTER(Error), [c_void_p]),
    "tl_context_device": (POINTER(DeviceInfo), [c_void_p]),
    "tl_finish": (c_int, [c_void_p]),
    "tl_memory_kind_name": (c_char_p, [c_int]),
    "tl_memory_used": (c_uint64, [c_void_p, c_int]),
    "tl_memory_peak": (c_uint64, [c_void_p]),
    "tl_tensor_create": (c_int, [c_void_p, c_char_p, c_int, c_uint64, c_uint64, POINTER(c_void_p)]),
    "tl_tensor_adopt": (c_int, [c_void_p, c_char_p, c_void_p, c_uint64, c_uint64, POINTER(c_void_p)]),
    "tl_tensor_destroy": (None, [c_void_p, c_void_p]),
    "tl_tensor_write": (c_int, [c_void_p, c_void_p, c_uint64, c_uint64, c_void_p]),
    "tl_tensor_read": (c_int, [c_void_p, c_void_p, c_uint64, c_uint64, c_void_p]),
    "tl_layer_tokens": (c_uint32, [POINTER(LayerConfig)]),
    "tl_layer_create": (c_int, [c_void_p, POINTER(LayerConfig), c_uint64, POINTER(c_void_p)]),
    "tl_layer_destroy": (None, [c_void_p, c_void_p]),
    "tl_layer_set_batch": (c_int, [c_void_p, c_void_p, c_uint32, c_uint32, c_uint32]),
    "tl_layer_forward": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "tl_layer_backward": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
    "tl_layer_parameter_at": (c_bool, [c_void_p, c_int, POINTER(Parameter)]),
    "tl_layer_parameter": (c_bool, [c_void_p, c_char_p, POINTER(Parameter)]),
    "tl_layer_save": (c_int, [c_void_p, c_void_p, c_char_p]),
    "tl_layer_load": (c_int, [c_void_p, c_void_p, c_char_p]),
    "tl_model_create": (c_int, [c_void_p, POINTER(ModelConfig), POINTER(ModelOptions), POINTER(c_void_p)]),
    "tl_model_open": (c_int, [c_void_p, c_char_p, POINTER(ModelOptions), POINTER(c_void_p)]),
    "tl_model_save": (c_int, [c_void_p, c_void_p, c_char_p]),
    "tl_model_load": (c_int, [c_void_p, c_void_p, c_char_p]),
    "tl_model_destroy": (None, [c_void_p, c_void_p]),
    "tl_model_configuration": (POINTER(ModelConfig), [c_void_p]),
    "tl_model_parameter_at": (c_bool, [c_void_p, c_int, POINTER(Parameter)]),
    "tl_model_parameter": (c_bool, [c_void_p, c_char_p, POINTER(Parameter)]),
    "tl_model_forward": (c_int, [c_void_p, c_void_p, POINTER(Batch)]),
    "tl_model_logits_count": (c_uint64, [c_void_p]),
    "tl_model_read_logits": (c_int, [c_void_p, c_void_p, POINTER(c_float)]),
    "tl_model_logits": (c_void_p, [c_void_p]),
    "tl_model_loss": (c_int, [c_void_p, c_void_p, POINTER(c_float)]),
    "tl_model_backward": (c_int, [c_void_p, c_void_p]),
    "tl_model_backward_from": (c_int, [c_void_p, c_void_p, POINTER(c_float)]),
    "tl_model_backward_from_tensor": (c_int, [c_void_p, c_void_p, c_void_p]),
    "tl_optimizer_create": (c_int, [c_void_p, POINTER(OptimizerConfig), POINTER(Parameter), c_int, POINTER(c_void_p)]),
    "tl_optimizer_destroy": (None, [c_void_p, c_void_p]),
    "tl_optimizer_step": (c_int, [c_void_p, c_void_p, c_float]),
    "tl_optimizer_report": (c_int, [c_void_p, c_void_p, POINTER(OptimizerStepReport)]),
    "tl_optimizer_state_at": (c_bool, [c_void_p, c_int, c_int, POINTER(c_char_p), POINTER(c_void_p)]),
    "tl_optimizer_steps": (c_uint64, [c_void_p]),
    "tl_optimizer_set_steps": (c_int, [c_void_p, c_void_p, c_uint64]),
    "tl_model_plan": (c_int, [POINTER(ModelConfig), POINTER(PlanOptions), POINTER(MemoryPlan), POINTER(Error)]),
    "tl_settings_default": (c_bool, [POINTER(Settings), c_char_p]),
    "tl_settings_check": (c_int, [POINTER(Settings), POINTER(Log), POINTER(Error)]),
    "tl_settings_open_init": (c_int, [POINTER(Settings), POINTER(Log), POINTER(c_void_p), POINTER(Error)]),
    "tl_settings_complete": (c_int, [POINTER(Settings), POINTER(Log), POINTER(Error)]),
    "tl_checkpoint_settings": (c_int, [c_char_p, POINTER(Settings), POINTER(Error)]),
    "tl_settings_slice_samples": (c_uint32, [POINTER(Settings)]),
    "tl_op_name": (c_char_p, [c_int]),
    "tl_motion_name": (c_char_p, [c_int]),
    "tl_schedule_name": (c_char_p, [c_int]),
    "tl_positions_name": (c_char_p, [c_int]),
    "tl_optimizer_name": (c_char_p, [c_int]),
    "tl_result_number": (c_bool, [POINTER(Result), c_char_p, c_int, POINTER(c_char_p), POINTER(c_double)]),
    "tl_ranks_open": (c_int, [POINTER(c_void_p), POINTER(Error)]),
    "tl_ranks_open_with": (c_int, [POINTER(RanksOptions), POINTER(c_void_p), POINTER(Error)]),
    "tl_ranks_rank": (c_int, [c_void_p]),
    "tl_ranks_size": (c_int, [c_void_p]),
    "tl_ranks_of_machine": (c_int, [c_void_p]),
    "tl_ranks_local_rank": (c_int, [c_void_p]),
    "tl_ranks_close": (None, [c_void_p]),
    "tl_ranks_time": (c_bool, [c_void_p, c_int, POINTER(RankTime)]),
    "tl_ranks_end_all": (None, [c_void_p, c_int]),
    "tl_settings_check_ranks": (c_int, [POINTER(Settings), c_void_p, POINTER(Error)]),
    "tl_train": (c_int, [c_void_p, POINTER(Settings), POINTER(Hooks), POINTER(Result)]),
    "tl_train_plan": (c_int, [POINTER(Settings), c_uint64, c_uint64, POINTER(MemoryPlan), POINTER(Error)]),
    "tl_train_plan_ranks": (c_int, [POINTER(Settings), POINTER(Cluster), POINTER(RankPlan), POINTER(Error)]),
    "tl_evaluate": (c_int, [c_void_p, c_char_p, POINTER(Settings), POINTER(Hooks), POINTER(Result)]),
    "tl_trainer_create": (c_int, [c_void_p, POINTER(TrainerConfig), POINTER(c_void_p)]),
    "tl_trainer_run": (c_int, [c_void_p, c_void_p, POINTER(Result)]),
    "tl_trainer_model": (c_void_p, [c_void_p]),
    "tl_trainer_settings": (POINTER(Settings), [c_void_p]),
    "tl_trainer_destroy": (None, [c_void_p, c_void_p]),
    "tl_model_evaluate": (c_int, [c_void_p, c_void_p, POINTER(Data), c_uint32, POINTER(Evaluation)]),
    "tl_model_predict": (c_int, [c_void_p, c_void_p, POINTER(Batch), POINTER(c_float), POINTER(c_int32)]),
    "tl_picture_write_png": (c_int, [c_char_p, POINTER(Picture), POINTER(Error)]),
    "tl_predictor_create": (c_int, [c_void_p, c_char_p, POINTER(PredictorOptions), POINTER(c_void_p)]),
    "tl_predictor_destroy": (None, [c_void_p, c_void_p]),
    "tl_predictor_configuration": (POINTER(ModelConfig), [c_void_p]),
    "tl_predictor_class_name": (c_char_p, [c_void_p, c_uint32]),
    "tl_predictor_classify": (c_int, [c_void_p, c_void_p, POINTER(Picture), c_uint32, POINTER(Guess)]),
    "tl_predictor_classify_file": (c_int, [c_void_p, c_void_p, c_char_p, c_uint32, POINTER(Guess)]),
    "tl_predictor_classify_batch": (c_int, [c_void_p, c_void_p, POINTER(Batch), c_uint32, POINTER(Guess)]),
    "tl_predictor_attention": (c_int, [c_void_p, c_void_p, c_int, c_int, POINTER(Picture)]),
    "tl_tokenizer_open": (c_int, [c_char_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(Error)]),
    "tl_tokenizer_destroy": (None, [c_void_p]),
    "tl_tokenizer_size": (c_uint32, [c_void_p]),
    "tl_tokenizer_end_of_text": (c_int32, [c_void_p]),
    "tl_tokenizer_encode": (c_int, [c_void_p, c_void_p, c_size_t, POINTER(POINTER(c_int32)), POINTER(c_size_t), POINTER(Error)]),
    "tl_tokenizer_decode": (c_int, [c_void_p, POINTER(c_int32), c_size_t, POINTER(c_char_p), POINTER(c_size_t), POINTER(Error)]),
    "tl_tokenize": (c_int, [POINTER(TokenizeOptions), POINTER(TokenizeResult), POINTER(Error)]),
    "tl_generate": (c_int, [c_void_p, c_char_p, POINTER(Generation), POINTER(c_uint64)]),
    "tl_file_open": (c_int, [c_char_p, POINTER(c_void_p), POINTER(Error)]),
    "tl_file_close": (None, [c_void_p]),
    "tl_file_tensor_at": (c_bool, [c_void_p, c_int, POINTER(TensorInfo)]),
    "tl_file_tensor": (c_bool, [c_void_p, c_char_p, POINTER(TensorInfo)]),
    "tl_file_read": (c_int, [c_void_p, c_char_p, c_uint64, c_uint64, POINTER(c_float), POINTER(Error)]),
    "tl_file_metadata_at": (c_bool, [c_void_p, c_int, POINTER(c_char_p), POINTER(c_char_p)]),
    "tl_file_metadata": (c_char_p, [c_void_p, c_char_p]),
    "tl_metrics_open": (c_int, [c_char_p, POINTER(c_void_p), POINTER(Error)]),
    "tl_metrics_close": (None, [c_void_p]),
    "tl_metrics_line_at": (c_bool, [c_void_p, c_uint64, POINTER(MetricsLine)]),
    "tl_metrics_column": (c_char_p, [c_void_p, c_int]),
    "tl_metrics_value": (c_double, [c_void_p, c_uint64, c_int]),
    "tl_metrics_unreadable": (c_uint64, [c_void_p]),
    "tl_profile_read": (c_int, [c_void_p, POINTER(POINTER(ProfileRow)), POINTER(c_int)]),
    "tl_profile_trace": (c_int, [c_void_p, c_uint64]),
    "tl_profile_write_trace": (c_int, [c_void_p, c_char_p]),
    "tl_self_test": (c_int, [c_void_p, c_int, POINTER(SelfTestRow), c_int, POINTER(c_int)]),
    "tl_precision_test": (c_int, [c_void_p, c_int, POINTER(c_bool), POINTER(c_double)]),
}
