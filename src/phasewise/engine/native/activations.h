/* Activations and their derivatives, one number at a time, so that a compiler can run them on whole vectors. */
#include "maths.h"

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define VECTOR _Pragma("clang loop vectorize(assume_safety)")
#else
#define VECTOR _Pragma("GCC ivdep") /* what is read and written in place overlaps number by number only */
#endif

enum { RELU, TANH, SIGMOID, SELU, SILU, MISH };

#define SELU_ALPHA 1.6732632423543772848170429916717f
#define SELU_SCALE 1.0507009873554804934193349852946f

INLINE float activated(int kind, float v) {
    if (kind == RELU) return v < 0.0f ? 0.0f : v; /* NaN stays NaN */
    const float e = exp_of(kind == TANH ? v + v : kind == MISH && v > 20.0f ? 20.0f : v);
    if (kind == TANH) return v != v ? v : 1.0f - 2.0f / (e + 1.0f);
    if (kind == SIGMOID) return e / (1.0f + e);
    if (kind == SELU) return v > 0.0f ? SELU_SCALE * v : SELU_SCALE * SELU_ALPHA * (e - 1.0f);
    if (kind == SILU) return v * (1.0f - 1.0f / (1.0f + e));
    const float q = e * (e + 2.0f);
    return v * (q / (q + 2.0f));
}

/* The derivative at v, of which relu needs only the sign. */
INLINE float slope(int kind, float v) {
    if (kind == RELU) return v <= 0.0f ? 0.0f : 1.0f;
    const float e = exp_of(kind == TANH ? v + v : kind == MISH && v > 20.0f ? 20.0f : v);
    if (kind == TANH) { const float t = 1.0f - 2.0f / (e + 1.0f); return 1.0f - t * t; }
    const float s = e / (1.0f + e);
    if (kind == SIGMOID) return s * (1.0f - s);
    if (kind == SELU) return v > 0.0f ? SELU_SCALE : SELU_SCALE * SELU_ALPHA * e;
    if (kind == SILU) return s * (1.0f + v * (1.0f - s));
    const float q = e * (e + 2.0f), t = q / (q + 2.0f);
    return t + v * s * (1.0f - t * t);
}
