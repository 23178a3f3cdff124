// By-value arguments of the kernels in optimizer.cl, shared with the host. No implicit padding.
#define OPTIMIZER_PARTS 8 // of a launch

// Consecutive elements of one tensor. Parts that a launch has not: no group reaches first_group.
typedef struct optimizer_part {
    u64 count;       // elements
    u64 value_at;    // the first of them in parameter and gradient
    u64 state_at;    // and in the state
    u32 first_group; // its work-groups are from here on
    f32 decay;       // 1 - lr * weight_decay
} optimizer_part;

typedef struct optimizer_sizes {
    optimizer_part part[OPTIMIZER_PARTS];
    u64 clip_result_at; // offset of the view, in elements
    u32 block;          // consecutive elements of a work-group
    u32 begin;          // 1 at the first step: the state is taken as 0 and not read
    f32 gradient_scale;
    u32 unused;
} optimizer_sizes;

typedef struct adamw_rates {
    f32 beta1, beta2;
    f32 one_minus_beta1, one_minus_beta2;
    f32 step_size;  // lr / (1 - beta1^t)
    f32 root_scale; // 1 / sqrt(1 - beta2^t)
    f32 eps;
} adamw_rates;

typedef struct lion_rates {
    f32 beta1, beta2;
    f32 one_minus_beta1, one_minus_beta2;
    f32 lr;
} lion_rates;
