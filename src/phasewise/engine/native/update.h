/* Clipping (T27) and the optimisers of torch.optim (T06), for one member. */
#include "adam.h"

static void clip(const Net *net, int64_t m) {
    if (net->clip_value && net->clip_value[m] < INFINITY) {
        const float limit = (float)net->clip_value[m];
        for (int64_t p = 0; p < net->pieces; p++) clip_values(net->counts[p], part(net->gradients, net->piece[p], m), limit);
    }
    if (net->clip_norm && net->clip_norm[m] < INFINITY) {
        double squares = 0.0;
        for (int64_t p = 0; p < net->pieces; p++) squares += sum_of_squares(net->counts[p], part(net->gradients, net->piece[p], m));
        const float factor = clip_factor(net->clip_norm[m], squares);
        for (int64_t p = 0; p < net->pieces; p++) {
            float *g = part(net->gradients, net->piece[p], m);
            for (int64_t i = 0; i < net->counts[p]; i++) g[i] *= factor;
        }
    }
}

static void update(const Net *net, int64_t m, double lr) {
    const double t = net->steps[m] += 1.0;
    const float rate = (float)lr, momentum = (float)net->momentum[m];
    const float size = (float)(lr / (1.0 - pow(BETA1, t))), root = (float)sqrt(1.0 - pow(BETA2, t));
    for (int64_t p = 0; p < net->pieces; p++) {
        const int64_t count = net->counts[p];
        float *restrict w = part(net->parameters, net->piece[p], m), *restrict g = part(net->gradients, net->piece[p], m);
        float *restrict a = net->first ? part(net->first, net->piece[p], m) : 0, *restrict v = net->second ? part(net->second, net->piece[p], m) : 0;
        const float decay = net->decays[p] ? (float)net->decay[m] : 0.0f, keep = net->decays[p] ? (float)(1.0 - lr * net->decay[m]) : 1.0f;
        switch (net->optimiser) {
        case ADAMW:
        case ADAM:
            if (net->optimiser == ADAM) adam(0, count, w, g, a, v, decay, 1.0f, size, root);
            else adam(1, count, w, g, a, v, 0.0f, keep, size, root);
            break;
        case SGD:
            if (momentum == 0.0f) VECTOR for (int64_t i = 0; i < count; i++) w[i] -= rate * (g[i] + decay * w[i]);
            else VECTOR for (int64_t i = 0; i < count; i++) {
                const float grad = g[i] + decay * w[i];
                a[i] = a[i] * momentum + grad;
                w[i] -= rate * (net->nesterov[m] > 0.0 ? grad + momentum * a[i] : a[i]);
            }
            break;
        case RMSPROP:
            VECTOR for (int64_t i = 0; i < count; i++) {
                const float grad = g[i] + decay * w[i];
                a[i] = a[i] * 0.99f + 0.01f * grad * grad;
                w[i] -= rate * grad / (sqrtf(a[i]) + EPS);
            }
            break;
        default:
            VECTOR for (int64_t i = 0; i < count; i++) {
                const float grad = g[i] + decay * w[i];
                a[i] = a[i] * 0.9f + 0.1f * grad * grad;
                const float change = sqrtf(v[i] + 1e-6f) / sqrtf(a[i] + 1e-6f) * grad;
                v[i] = v[i] * 0.9f + 0.1f * change * change;
                w[i] -= rate * change;
            }
        }
    }
}
