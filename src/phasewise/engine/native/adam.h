/* Clipping and Adam(W) of one piece of parameters (torch.optim's formulas). */
#define BETA1 0.9
#define BETA2 0.999
#define EPS 1e-8f

INLINE void clip_values(int64_t count, float *g, float limit) {
    for (int64_t i = 0; i < count; i++) g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
}

/* In an order that is always the same. */
INLINE double sum_of_squares(int64_t count, const float *g) {
    double lanes[8] = {0}, sum = 0.0;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) for (int l = 0; l < 8; l++) lanes[l] += (double)g[i + l] * g[i + l];
    for (; i < count; i++) sum += (double)g[i] * g[i];
    for (int l = 0; l < 8; l++) sum += lanes[l];
    return sum;
}

INLINE float clip_factor(double limit, double squares) {
    const double wanted = limit / (sqrt(squares) + 1e-6);
    return wanted > 1.0 ? 1.0f : (float)wanted; /* NaN goes through: the run sees it */
}

/* One update: `decay` is added to the gradient (Adam), or what is kept of a weight multiplies it (AdamW, `apart`). size = lr / (1 - beta1^t), root = sqrt(1 - beta2^t). */
INLINE void adam(int apart, int64_t count, float *restrict w, const float *restrict g, float *restrict a, float *restrict v, float decay, float keep, float size, float root) {
    const float b1 = (float)(1.0 - BETA1), b2 = (float)BETA2, c2 = (float)(1.0 - BETA2);
    VECTOR for (int64_t i = 0; i < count; i++) {
        const float grad = apart ? g[i] : g[i] + decay * w[i], from = apart ? w[i] * keep : w[i];
        a[i] += b1 * (grad - a[i]);
        v[i] = v[i] * b2 + c2 * grad * grad;
        w[i] = from - size * a[i] / (sqrtf(v[i]) / root + EPS);
    }
}
