/* The matrix product that torch itself uses, handed over as a pointer (build.py). */
#include <stdint.h>

typedef void (*Gemm)(const char *, const char *, const int32_t *, const int32_t *, const int32_t *, const float *, const float *, const int32_t *,
                     const float *, const int32_t *, const float *, float *, const int32_t *);

/* c [m, n] (rows ldc apart) = beta c + alpha a b, all row by row; ta and tb say that a or b lies transposed. */
static inline void multiply(Gemm gemm, int ta, int tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                            float beta, float *c, int64_t ldc) {
    const int32_t m_ = (int32_t)m, n_ = (int32_t)n, k_ = (int32_t)k, lda_ = (int32_t)lda, ldb_ = (int32_t)ldb, ldc_ = (int32_t)ldc;
    gemm(tb ? "T" : "N", ta ? "T" : "N", &n_, &m_, &k_, &alpha, b, &ldb_, a, &lda_, &beta, c, &ldc_);
}
