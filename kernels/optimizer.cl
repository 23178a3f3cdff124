// Optimizers with decoupled weight decay, each one pass over parameter, gradient and state. A work-group has
// `block` consecutive elements. At the first step (`begin`) the state is taken as 0 and not read. `clip_result`
// (NULL: none), see clip.cl: its first value is a further gradient scale; below 0 the step is skipped.

// ---- AdamW

typedef struct adamw_rates {
    float keep; // 1 - lr * weight_decay
    float beta1, beta2;
    float fresh1, fresh2; // 1 - beta1, 1 - beta2
    float step_size;      // lr / (1 - beta1^t)
    float root_scale;     // 1 / sqrt(1 - beta2^t)
    float eps, gradient_scale;
} adamw_rates;

static inline floatR adamw_element(floatR p, floatR g, floatR *m, floatR *v, adamw_rates k)
{
    g *= k.gradient_scale;
    *m = k.beta1 * *m + k.fresh1 * g;
    *v = k.beta2 * *v + k.fresh2 * g * g;
    return p * k.keep - k.step_size * (*m / (sqrt(*v) * k.root_scale + k.eps));
}

// p, m, v updated in place.
__kernel void adamw(__global float *parameter, __global const float *gradient, __global float *moment1,
                    __global float *moment2, ulong count, uint block, uint begin, float keep, float beta1,
                    float beta2, float fresh1, float fresh2, float step_size, float root_scale, float eps,
                    float gradient_scale, __global const float *clip_result, ulong clip_result_at)
{
    if (clip_result) gradient_scale *= clip_result[clip_result_at];
    const bool left_out = gradient_scale < 0.0f;
    if (left_out && !begin) return;
    adamw_rates k = {keep, beta1, beta2, fresh1, fresh2, step_size, root_scale, eps, gradient_scale};
    ulong first = get_group_id(0) * (ulong)block;
    uint n = (uint)min((ulong)block, count - first), full = TL_FULL(n), rest = TL_REST(n);
    parameter += first;
    gradient += first;
    moment1 += first;
    moment2 += first;
    if (left_out) {
        for (uint i = get_local_id(0); i < n; i += TL_GROUP) moment1[i] = moment2[i] = 0.0f;
        return;
    }
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        floatR m = (floatR)(0.0f), v = (floatR)(0.0f);
        if (!begin) m = tl_load(moment1 + i), v = tl_load(moment2 + i);
        tl_store(adamw_element(tl_load(parameter + i), tl_load(gradient + i), &m, &v, k), parameter + i);
        tl_store(m, moment1 + i);
        tl_store(v, moment2 + i);
    }
    if (rest) {
        floatR p = tl_load_part(parameter + full, rest, 0.0f), g = tl_load_part(gradient + full, rest, 0.0f);
        floatR m = (floatR)(0.0f), v = (floatR)(0.0f);
        if (!begin)
            m = tl_load_part(moment1 + full, rest, 0.0f), v = tl_load_part(moment2 + full, rest, 0.0f);
        tl_store_part(adamw_element(p, g, &m, &v, k), parameter + full, rest);
        tl_store_part(m, moment1 + full, rest);
        tl_store_part(v, moment2 + full, rest);
    }
}

// ---- Lion

typedef struct lion_rates {
    float keep; // 1 - lr * weight_decay
    float beta1, beta2;
    float fresh1, fresh2; // 1 - beta1, 1 - beta2
    float lr, gradient_scale;
} lion_rates;

static inline floatR lion_element(floatR p, floatR g, floatR *m, lion_rates k)
{
    g *= k.gradient_scale;
    const floatR c = k.beta1 * *m + k.fresh1 * g;
    *m = k.beta2 * *m + k.fresh2 * g;
    // sign(NaN) is 0 and sign(infinity) 1 in OpenCL: c - c makes such a weight NaN instead
    return p * k.keep - k.lr * (sign(c) + (c - c));
}

// p, m updated in place.
__kernel void lion(__global float *parameter, __global const float *gradient, __global float *momentum,
                   ulong count, uint block, uint begin, float keep, float beta1, float beta2, float fresh1,
                   float fresh2, float lr, float gradient_scale, __global const float *clip_result,
                   ulong clip_result_at)
{
    if (clip_result) gradient_scale *= clip_result[clip_result_at];
    const bool left_out = gradient_scale < 0.0f;
    if (left_out && !begin) return;
    lion_rates k = {keep, beta1, beta2, fresh1, fresh2, lr, gradient_scale};
    ulong first = get_group_id(0) * (ulong)block;
    uint n = (uint)min((ulong)block, count - first), full = TL_FULL(n), rest = TL_REST(n);
    parameter += first;
    gradient += first;
    momentum += first;
    if (left_out) {
        for (uint i = get_local_id(0); i < n; i += TL_GROUP) momentum[i] = 0.0f;
        return;
    }
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        floatR m = (floatR)(0.0f);
        if (!begin) m = tl_load(momentum + i);
        tl_store(lion_element(tl_load(parameter + i), tl_load(gradient + i), &m, k), parameter + i);
        tl_store(m, momentum + i);
    }
    if (rest) {
        floatR p = tl_load_part(parameter + full, rest, 0.0f), g = tl_load_part(gradient + full, rest, 0.0f);
        floatR m = (floatR)(0.0f);
        if (!begin) m = tl_load_part(momentum + full, rest, 0.0f);
        tl_store_part(lion_element(p, g, &m, k), parameter + full, rest);
        tl_store_part(m, momentum + full, rest);
    }
}
