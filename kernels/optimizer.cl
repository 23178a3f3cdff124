// Optimizers with decoupled weight decay, each one pass over parameter, gradient and state, of up to OPTIMIZER_PARTS tensors
// in a launch: most of a model's are small. A work-group has `block` consecutive elements of one part. At the first step
// (`begin`) the state is taken as 0 and not read. `clip_result` (NULL: none), see clip.cl: its first value is a further
// gradient scale; below 0 the step is skipped.

// An argument for each part.
#define OF_PARTS(type, name)                                                                                 \
    type name##_0, type name##_1, type name##_2, type name##_3, type name##_4, type name##_5, type name##_6, \
        type name##_7

// TAKE(i) for the parts behind the first, in their order; the last whose groups have begun is the work-group's. By constant
// numbers and without branches, as GPUs keep arguments in memory that are chosen by an address.
#define TAKE_PART_OF_GROUP(TAKE) TAKE(1) TAKE(2) TAKE(3) TAKE(4) TAKE(5) TAKE(6) TAKE(7)

static inline optimizer_part later_part(bool begun, optimizer_part next, optimizer_part part)
{
    part.count = begun ? next.count : part.count;
    part.value_at = begun ? next.value_at : part.value_at;
    part.state_at = begun ? next.state_at : part.state_at;
    part.first_group = begun ? next.first_group : part.first_group;
    part.decay = begun ? next.decay : part.decay;
    return part;
}

// Part i instead, if it has begun; STATES: as much for the optimizer's own arguments.
#define LATER_PART(i, STATES)                                                                                \
    {                                                                                                        \
        const optimizer_part next = s.part[i];                                                               \
        const bool begun = get_group_id(0) >= next.first_group;                                              \
        part = later_part(begun, next, part);                                                                \
        parameter = begun ? parameter_##i : parameter;                                                       \
        gradient = begun ? gradient_##i : gradient;                                                          \
        STATES                                                                                               \
    }

// ---- AdamW

static inline floatR adamw_element(floatR p, floatR g, floatR *m, floatR *v, float gradient_scale,
                                   float decay, adamw_rates k)
{
    g *= gradient_scale;
    *m = k.beta1 * *m + k.one_minus_beta1 * g;
    *v = k.beta2 * *v + k.one_minus_beta2 * g * g;
    return p * decay - k.step_size * (*m / (sqrt(*v) * k.root_scale + k.eps));
}

// p, m, v updated in place.
__kernel void adamw(OF_PARTS(__global float *, parameter), OF_PARTS(__global const float *, gradient),
                    OF_PARTS(__global float *, moment1), OF_PARTS(__global float *, moment2),
                    __global const float *clip_result, const optimizer_sizes s, const adamw_rates k)
{
    const uint block = s.block, begin = s.begin;
    float gradient_scale = s.gradient_scale;
    if (clip_result) gradient_scale *= clip_result[s.clip_result_at];
    const bool left_out = gradient_scale < 0.0f;
    if (left_out && !begin) return;
    optimizer_part part = s.part[0];
    __global float *parameter = parameter_0;
    __global const float *gradient = gradient_0;
    __global float *moment1 = moment1_0;
    __global float *moment2 = moment2_0;
#define TAKE_ADAMW(i)                                                                                        \
    LATER_PART(i, moment1 = begun ? moment1_##i : moment1; moment2 = begun ? moment2_##i : moment2;)
    TAKE_PART_OF_GROUP(TAKE_ADAMW)
    const ulong first = (get_group_id(0) - part.first_group) * (ulong)block;
    const uint n = (uint)min((ulong)block, part.count - first), full = TL_FULL(n), rest = TL_REST(n);
    parameter += part.value_at + first;
    gradient += part.value_at + first;
    moment1 += part.state_at + first;
    moment2 += part.state_at + first;
    if (left_out) {
        for (uint i = get_local_id(0); i < n; i += TL_GROUP) moment1[i] = moment2[i] = 0.0f;
        return;
    }
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        floatR m = (floatR)(0.0f), v = (floatR)(0.0f);
        if (!begin) m = tl_load(moment1 + i), v = tl_load(moment2 + i);
        tl_store(adamw_element(tl_load(parameter + i), tl_load(gradient + i), &m, &v, gradient_scale,
                               part.decay, k),
                 parameter + i);
        tl_store(m, moment1 + i);
        tl_store(v, moment2 + i);
    }
    if (rest) {
        floatR p = tl_load_part(parameter + full, rest, 0.0f), g = tl_load_part(gradient + full, rest, 0.0f);
        floatR m = (floatR)(0.0f), v = (floatR)(0.0f);
        if (!begin)
            m = tl_load_part(moment1 + full, rest, 0.0f), v = tl_load_part(moment2 + full, rest, 0.0f);
        tl_store_part(adamw_element(p, g, &m, &v, gradient_scale, part.decay, k), parameter + full, rest);
        tl_store_part(m, moment1 + full, rest);
        tl_store_part(v, moment2 + full, rest);
    }
}

// ---- Lion

static inline floatR lion_element(floatR p, floatR g, floatR *m, float gradient_scale, float decay,
                                  lion_rates k)
{
    g *= gradient_scale;
    const floatR c = k.beta1 * *m + k.one_minus_beta1 * g;
    *m = k.beta2 * *m + k.one_minus_beta2 * g;
    // sign(NaN) is 0 and sign(infinity) 1 in OpenCL: c - c makes such a weight NaN instead
    return p * decay - k.lr * (sign(c) + (c - c));
}

// p, m updated in place.
__kernel void lion(OF_PARTS(__global float *, parameter), OF_PARTS(__global const float *, gradient),
                   OF_PARTS(__global float *, momentum), __global const float *clip_result,
                   const optimizer_sizes s, const lion_rates k)
{
    const uint block = s.block, begin = s.begin;
    float gradient_scale = s.gradient_scale;
    if (clip_result) gradient_scale *= clip_result[s.clip_result_at];
    const bool left_out = gradient_scale < 0.0f;
    if (left_out && !begin) return;
    optimizer_part part = s.part[0];
    __global float *parameter = parameter_0;
    __global const float *gradient = gradient_0;
    __global float *momentum = momentum_0;
#define TAKE_LION(i) LATER_PART(i, momentum = begun ? momentum_##i : momentum;)
    TAKE_PART_OF_GROUP(TAKE_LION)
    const ulong first = (get_group_id(0) - part.first_group) * (ulong)block;
    const uint n = (uint)min((ulong)block, part.count - first), full = TL_FULL(n), rest = TL_REST(n);
    parameter += part.value_at + first;
    gradient += part.value_at + first;
    momentum += part.state_at + first;
    if (left_out) {
        for (uint i = get_local_id(0); i < n; i += TL_GROUP) momentum[i] = 0.0f;
        return;
    }
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        floatR m = (floatR)(0.0f);
        if (!begin) m = tl_load(momentum + i);
        tl_store(
            lion_element(tl_load(parameter + i), tl_load(gradient + i), &m, gradient_scale, part.decay, k),
            parameter + i);
        tl_store(m, momentum + i);
    }
    if (rest) {
        floatR p = tl_load_part(parameter + full, rest, 0.0f), g = tl_load_part(gradient + full, rest, 0.0f);
        floatR m = (floatR)(0.0f);
        if (!begin) m = tl_load_part(momentum + full, rest, 0.0f);
        tl_store_part(lion_element(p, g, &m, gradient_scale, part.decay, k), parameter + full, rest);
        tl_store_part(m, momentum + full, rest);
    }
}
