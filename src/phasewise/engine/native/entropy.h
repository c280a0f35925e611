/* Cross-entropy with label smoothing (A05, A06) and its gradient by the raw outputs. */
#define BLOCK 256

/* Cross-entropy of the rows of one block, the classes `step` apart and the rows `next` apart; the losses into `out`, probabilities less target into dz. */
static void cross_entropy(int64_t count, int64_t classes, int64_t step, int64_t next, const float *z, float *dz, const int64_t *truth, float smoothing, float *out) {
    float most[BLOCK], sum[BLOCK], all[BLOCK];
    for (int64_t r = 0; r < count; r++) most[r] = z[r * next], sum[r] = 0.0f, all[r] = 0.0f;
    for (int64_t c = 1; c < classes; c++) VECTOR for (int64_t r = 0; r < count; r++) { const float v = z[c * step + r * next]; most[r] = v > most[r] || v != v ? v : most[r]; }
    for (int64_t c = 0; c < classes; c++) VECTOR for (int64_t r = 0; r < count; r++) {
        const float gap = z[c * step + r * next] - most[r], e = exp_of(gap);
        dz[c * step + r * next] = e;
        sum[r] += e;
        all[r] += gap;
    }
    for (int64_t r = 0; r < count; r++) {
        const float total = log_of(sum[r]), picked = z[truth[r] * step + r * next] - most[r] - total;
        out[r] = smoothing > 0.0f ? -(1.0f - smoothing) * picked - smoothing * (all[r] / (float)classes - total) : -picked;
        sum[r] = 1.0f / sum[r];
    }
    const float spread = smoothing / (float)classes;
    for (int64_t c = 0; c < classes; c++) VECTOR for (int64_t r = 0; r < count; r++) dz[c * step + r * next] = dz[c * step + r * next] * sum[r] - spread;
    for (int64_t r = 0; r < count; r++) dz[truth[r] * step + r * next] -= 1.0f - smoothing;
}

/* Of one raw output v and a target t between 0 and 1; the gradient into dz. */
INLINE float binary_entropy(float v, float t, float *dz) {
    const float e = exp_of(v < 0.0f ? v : -v); /* of -|v|, so at most 1 */
    *dz = (v < 0.0f ? e / (1.0f + e) : 1.0f / (1.0f + e)) - t;
    return (v < 0.0f ? 0.0f : v) - v * t + log1p_of(e);
}
