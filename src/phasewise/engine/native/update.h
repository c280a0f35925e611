/* Clipping (T27) and the optimisers of torch.optim (T06), for one member. */
#define BETA1 0.9
#define BETA2 0.999
#define EPS 1e-8f

static void clip(const Net *net, int64_t m) {
    if (net->clip_value && net->clip_value[m] < INFINITY) {
        const float limit = (float)net->clip_value[m];
        for (int64_t p = 0; p < net->pieces; p++) {
            float *g = part(net->gradients, net->piece[p], m);
            for (int64_t i = 0; i < net->counts[p]; i++) g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
        }
    }
    if (net->clip_norm && net->clip_norm[m] < INFINITY) {
        double squares = 0.0;
        for (int64_t p = 0; p < net->pieces; p++) {
            const float *g = part(net->gradients, net->piece[p], m);
            double lanes[8] = {0};
            int64_t i = 0;
            for (; i + 8 <= net->counts[p]; i += 8) for (int l = 0; l < 8; l++) lanes[l] += (double)g[i + l] * g[i + l];
            for (; i < net->counts[p]; i++) squares += (double)g[i] * g[i];
            for (int l = 0; l < 8; l++) squares += lanes[l];
        }
        const double wanted = net->clip_norm[m] / (sqrt(squares) + 1e-6);
        const float factor = wanted > 1.0 ? 1.0f : (float)wanted; /* NaN goes through: the run sees it */
        for (int64_t p = 0; p < net->pieces; p++) {
            float *g = part(net->gradients, net->piece[p], m);
            for (int64_t i = 0; i < net->counts[p]; i++) g[i] *= factor;
        }
    }
}

static void update(const Net *net, int64_t m, double lr) {
    const double t = net->steps[m] += 1.0;
    const float rate = (float)lr, momentum = (float)net->momentum[m];
    const float size = (float)(lr / (1.0 - pow(BETA1, t))), root = (float)sqrt(1.0 - pow(BETA2, t)), b1 = (float)(1.0 - BETA1), b2 = (float)BETA2, c2 = (float)(1.0 - BETA2);
    for (int64_t p = 0; p < net->pieces; p++) {
        const int64_t count = net->counts[p];
        float *restrict w = part(net->parameters, net->piece[p], m), *restrict g = part(net->gradients, net->piece[p], m);
        float *restrict a = net->first ? part(net->first, net->piece[p], m) : 0, *restrict v = net->second ? part(net->second, net->piece[p], m) : 0;
        const float decay = net->decays[p] ? (float)net->decay[m] : 0.0f, keep = net->decays[p] ? (float)(1.0 - lr * net->decay[m]) : 1.0f;
        switch (net->optimiser) {
        case ADAMW:
        case ADAM:
            VECTOR for (int64_t i = 0; i < count; i++) {
                const float grad = net->optimiser == ADAM ? g[i] + decay * w[i] : g[i], from = net->optimiser == ADAM ? w[i] : w[i] * keep;
                a[i] += b1 * (grad - a[i]);
                v[i] = v[i] * b2 + c2 * grad * grad;
                w[i] = from - size * a[i] / (sqrtf(v[i]) / root + EPS);
            }
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
