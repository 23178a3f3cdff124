// The end of a product on GPUs: element `at` of C, in column j, from its sum times alpha, by the names that gemm_gpu.cl and
// gemm_tensor.cl have for the kernel's arguments. A macro, as a function takes more registers.
#define GEMM_FINISH(value)                                                                                   \
    {                                                                                                        \
        float x = value;                                                                                     \
        if (s.beta != 0.0f) x += s.beta * c[at];                                                             \
        if (bias) x += bias[s.bias_at + j];                                                                  \
        if (residual) x += residual[s.residual_at + c_shift + at];                                           \
        if (factor) x *= factor[s.factor_at + c_shift + at];                                                 \
        c[at] = x;                                                                                           \
    }
