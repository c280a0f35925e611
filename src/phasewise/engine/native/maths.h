/* exp, log, sine and cosine as arithmetic alone, so that a compiler can run them on whole vectors, and sums in an order that is always the same. */
#include <stdint.h>
#include <string.h>

static inline float from_bits(int32_t i) { float f; memcpy(&f, &i, 4); return f; }
static inline int32_t to_bits(float f) { int32_t i; memcpy(&i, &f, 4); return i; }

/* e^x, relative error below 2e-7 (Cephes' expf: 2^n times a polynomial of degree 6); NaN stays NaN, the ends are held at the smallest and largest. */
static inline float exp_of(float x) {
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float n = x * 1.44269504088896341f + 12582912.0f; /* rounds to a whole number in the last bits */
    int32_t k = to_bits(n) - to_bits(12582912.0f);
    n -= 12582912.0f;
    float r = x - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * from_bits((k + 127) << 23);
}

/* ln x for normal positive x (Cephes' logf). */
static inline float log_of(float x) {
    int32_t i = to_bits(x);
    int32_t k = ((i >> 23) & 255) - 126;
    float m = from_bits((i & 0x007fffff) | 0x3f000000); /* 0.5 to 1 */
    int32_t low = m < 0.70710678f;
    k -= low;
    m = low ? m + m - 1.0f : m - 1.0f;
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z - 2.12194440e-4f * (float)k - 0.5f * z;
    return m + y + 0.693359375f * (float)k + (x - x); /* infinity and NaN stay what they are: NaN */
}

/* ln(1 + x) for x in 0..1, exact where 1 + x rounds to 1. */
static inline float log1p_of(float x) {
    float u = 1.0f + x, gap = u - 1.0f;
    return gap == 0.0f ? x : log_of(u) * (x / gap);
}

/* Sine and cosine of x from one reduction to a quarter turn (Cephes' sinf and cosf): error below 1e-7 up to |x| = 8192, beyond which
 * float32 itself no longer tells neighbouring angles apart to 1e-3; infinity and NaN become NaN. */
static inline void sine_cosine(float x, float *sine, float *cosine) {
    float n = x * 0.636619772367581343f + 12582912.0f;
    const int32_t quarter = to_bits(n);
    n -= 12582912.0f;
    float r = x - n * 1.5703125f;
    r -= n * 4.837512969970703125e-4f;
    r -= n * 7.54978995489188216e-8f;
    r = r > 1.0f ? 1.0f : r;
    r = r < -1.0f ? -1.0f : r;
    const float z = r * r;
    const float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
    const float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
    const float first = quarter & 1 ? c : s, second = quarter & 1 ? s : c;
    *sine = quarter & 2 ? -first : first;
    *cosine = (quarter + 1) & 2 ? -second : second;
}
