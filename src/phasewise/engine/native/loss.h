/* The losses with a closed gradient (engine/losses, dense/objective): the mean loss of a batch, and dz. */
#include "entropy.h"

static inline int64_t class_at(const Net *net, const void *y, int64_t row) {
    return net->targets ? (int64_t)((const float *)y)[row] : ((const int64_t *)y)[row];
}

static inline float target_at(const Net *net, const void *y, int64_t row) {
    return net->targets ? ((const float *)y)[row] : (float)((const int64_t *)y)[row];
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
            each[r] = binary_entropy(v, t, &dz[(at + r) * next]);
        }
        for (int64_t r = 0; r < count; r++) total += (double)each[r] * share[r];
        if (weights) for (int64_t c = 0; c < k; c++) for (int64_t r = 0; r < count; r++) dz[(at + r) * next + c * step] *= share[r];
    }
    const float part_of = (float)(1.0 / weight);
    for (int64_t i = 0; i < b * k; i++) dz[i] *= part_of;
    return (float)(total / weight);
}
