/* The losses with a closed gradient (engine/losses, dense/objective): the mean loss of a batch, and dz. */
#define BLOCK 256

static inline int64_t class_at(const Net *net, const void *y, int64_t row) {
    return net->targets ? (int64_t)((const float *)y)[row] : ((const int64_t *)y)[row];
}

static inline float target_at(const Net *net, const void *y, int64_t row) {
    return net->targets ? ((const float *)y)[row] : (float)((const int64_t *)y)[row];
}

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

static float loss_of(const Net *net, int64_t m, const void *y, const int64_t *rows) {
    const int64_t b = net->batch, k = net->outputs;
    const float *z = room(net->z, m);
    float *dz = room(net->dz, m);
    const float smoothing = (float)net->smoothing[m], *weights = net->class_weights ? net->class_weights + m * (k > 1 ? k : 2) : 0;
    double total = 0.0, weight = 0.0;
    for (int64_t at = 0; at < b; at += BLOCK) {
        const int64_t count = b - at < BLOCK ? b - at : BLOCK;
        float each[BLOCK], share[BLOCK];
        int64_t truth[BLOCK];
        for (int64_t r = 0; r < count; r++) {
            truth[r] = net->loss == MSE ? 0 : class_at(net, y, rows[at + r]);
            share[r] = weights ? weights[truth[r]] : 1.0f;
            weight += share[r];
        }
        const int64_t step = net->major ? b : 1, next = net->major ? 1 : k;
        if (net->loss == CROSS_ENTROPY) {
            if (net->major) cross_entropy(count, k, step, 1, z + at, dz + at, truth, smoothing, each);
            else cross_entropy(count, k, 1, k, z + at * k, dz + at * k, truth, smoothing, each);
        } else for (int64_t r = 0; r < count; r++) {
            const float v = z[(at + r) * next];
            float t = target_at(net, y, rows[at + r]);
            if (net->loss == MSE) {
                dz[(at + r) * next] = 2.0f * (v - t);
                each[r] = (v - t) * (v - t);
                continue;
            }
            t = t * (1.0f - smoothing) + 0.5f * smoothing;
            const float e = exp_of(v < 0.0f ? v : -v); /* of -|v|, so at most 1 */
            dz[(at + r) * next] = (v < 0.0f ? e / (1.0f + e) : 1.0f / (1.0f + e)) - t;
            each[r] = (v < 0.0f ? 0.0f : v) - v * t + log1p_of(e);
        }
        for (int64_t r = 0; r < count; r++) total += (double)each[r] * share[r];
        if (weights) for (int64_t c = 0; c < k; c++) for (int64_t r = 0; r < count; r++) dz[(at + r) * next + c * step] *= share[r];
    }
    const float part_of = (float)(1.0 / weight);
    for (int64_t i = 0; i < b * k; i++) dz[i] *= part_of;
    return (float)(total / weight);
}
