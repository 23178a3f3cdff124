// ConViT's gate between content and position attention. A matrix is [query][key], `count` elements; prob and
// mixed are [batch][head][count], positions [head][count]. Work-groups of TL_GROUP items; group (block, head,
// sample) of convit_mix and group (block, head) of convit_backward own `block` consecutive elements.

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exp(-x));
}

// mixed = prob + g (positions - prob)
__kernel void convit_mix(__global const float *prob, ulong prob_at, __global const float *positions,
                         ulong positions_at, __global const float *gate, ulong gate_at, __global float *mixed,
                         ulong mixed_at, ulong count, uint block)
{
    const uint head = get_group_id(1), heads = get_num_groups(1);
    const ulong first = get_group_id(0) * (ulong)block, last = min(first + block, count);
    const ulong matrix = (get_group_id(2) * heads + head) * count;
    const float g = sigmoid(gate[gate_at + head]);
    __global const float *p = prob + prob_at + matrix, *s = positions + positions_at + head * count;
    __global float *m = mixed + mixed_at + matrix;
    for (ulong e = first + get_local_id(0); e < last; e += TL_GROUP) m[e] = p[e] + g * (s[e] - p[e]);
}

// dmixed becomes (1 - g) dmixed; dpositions[h][e] = g sum_b dmixed; dgate[h][e] = g (1 - g) sum_b dmixed (positions -
// prob): the gradient of the gate's argument before the sum over e.
__kernel void convit_backward(__global const float *prob, __global const float *positions,
                              __global const float *gate, __global float *dmixed, __global float *dpositions,
                              __global float *dgate, const convit_backward_sizes s)
{
    const ulong count = s.count;
    const uint batch = s.batch, block = s.block;
    const uint head = get_group_id(1), heads = get_num_groups(1);
    const ulong first = get_group_id(0) * (ulong)block, last = min(first + block, count);
    const float g = sigmoid(gate[s.gate_at + head]);
    __global const float *position = positions + s.positions_at + head * count;
    __global float *ds = dpositions + s.dpositions_at + head * count, *dg = dgate + s.dgate_at + head * count;
    for (ulong e = first + get_local_id(0); e < last; e += TL_GROUP) ds[e] = dg[e] = 0.0f;
    for (uint b = 0; b < batch; b++) {
        const ulong matrix = ((ulong)b * heads + head) * count;
        __global const float *p = prob + s.prob_at + matrix;
        __global float *dm = dmixed + s.dmixed_at + matrix;
        for (ulong e = first + get_local_id(0); e < last; e += TL_GROUP) {
            const float d = dm[e];
            ds[e] += g * d;
            dg[e] += g * (1.0f - g) * d * (position[e] - p[e]);
            dm[e] = (1.0f - g) * d;
        }
    }
}
