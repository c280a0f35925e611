/* RealMLP's scaling layer, hidden layers and head (kinds/tabular/networks/compiled/realmlp.py), forward and backward. */

typedef struct {
    Gemm gemm;
    int64_t rows, features, depth, outputs, activation, keep; /* keep: products and outputs stay for the backward pass */
    float scale_rate, bias_rate, amount_rate; /* what a stored parameter is multiplied with */
    const int64_t *sizes, *cuts; /* [depth]; random bytes below a layer's cut drop a unit, 0: no dropout */
    const float *x, *factor, *const *weight, *const *bias, *const *amount; /* [rows, features], [features], [depth + 1], [depth + 1], [depth] */
    float *scaled, *const *pre, *const *h; /* [rows, features]; per layer [rows, width]: x W / sqrt(fan-in), and outputs */
    const uint8_t *const *noise;
    float *out; /* [rows, outputs] */
    const float *dout;
    float *slope[2], *dx, *dfactor, *const *dweight, *const *dbias, *const *damount; /* slopes [rows, the widest]; dx may be none */
} RealMLP;

#define SURVIVORS(cut) (256.0f / (float)(256 - (cut)))

/* h = mask * (z + amount (f(z) - z)) with z = a + bias, in place where h is a. */
INLINE void mix(int kind, int cut, int64_t rows, int64_t width, const float *a, const float *bias, float bias_rate, const float *amount, float amount_rate,
                const uint8_t *noise, float *h) {
    const float scale = SURVIVORS(cut);
    for (int64_t r = 0; r < rows; r++) {
        const float *from = a + r * width;
        const uint8_t *bytes = cut ? noise + r * width : 0;
        float *to = h + r * width;
        VECTOR for (int64_t c = 0; c < width; c++) {
            const float z = from[c] + bias[c] * bias_rate, y = z + amount[c] * amount_rate * (activated(kind, z) - z);
            to[c] = cut ? y * (bytes[c] >= cut ? scale : 0.0f) : y;
        }
    }
}

/* d, the slope of h, becomes that of z, and its sums over rows and those of d (f(z) - z) the gradients of bias and amount. */
INLINE void unmix(int kind, int cut, int64_t rows, int64_t width, float *d, const float *a, const float *bias, float bias_rate, const float *amount,
                  float amount_rate, const uint8_t *noise, float *dbias, float *damount) {
    const float scale = SURVIVORS(cut);
    for (int64_t c = 0; c < width; c++) dbias[c] = 0.0f, damount[c] = 0.0f;
    for (int64_t r = 0; r < rows; r++) {
        const float *from = a + r * width;
        const uint8_t *bytes = cut ? noise + r * width : 0;
        float *at = d + r * width;
        VECTOR for (int64_t c = 0; c < width; c++) {
            const float z = from[c] + bias[c] * bias_rate, g = cut ? at[c] * (bytes[c] >= cut ? scale : 0.0f) : at[c];
            const float dz = g + g * (amount[c] * amount_rate) * (slope(kind, z) - 1.0f);
            damount[c] += g * (activated(kind, z) - z);
            dbias[c] += dz;
            at[c] = dz;
        }
    }
    for (int64_t c = 0; c < width; c++) dbias[c] *= bias_rate, damount[c] *= amount_rate;
}

void phasewise_realmlp_forward(const RealMLP *net) {
    const int64_t rows = net->rows, features = net->features, outputs = net->outputs;
    for (int64_t r = 0; r < rows; r++)
        VECTOR for (int64_t c = 0; c < features; c++) net->scaled[r * features + c] = net->x[r * features + c] * (net->factor[c] * net->scale_rate);
    const float *below = net->scaled;
    int64_t inputs = features;
    for (int64_t i = 0; i < net->depth; i++) {
        const int64_t width = net->sizes[i];
        const int cut = (int)net->cuts[i];
        float *h = net->h[i], *a = net->keep ? net->pre[i] : h;
        multiply(net->gemm, 0, 1, rows, width, inputs, 1.0f / sqrtf((float)inputs), below, inputs, net->weight[i], inputs, 0.0f, a, width);
#define MIX(kind, cut, noise) mix(kind, cut, rows, width, a, net->bias[i], net->bias_rate, net->amount[i], net->amount_rate, noise, h)
        if (net->activation == SELU) { if (cut) MIX(SELU, cut, net->noise[i]); else MIX(SELU, 0, 0); }
        else { if (cut) MIX(MISH, cut, net->noise[i]); else MIX(MISH, 0, 0); }
#undef MIX
        below = h, inputs = width;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < outputs; c++) net->out[r * outputs + c] = net->bias[net->depth][c] * net->bias_rate;
    multiply(net->gemm, 0, 1, rows, outputs, inputs, 1.0f / sqrtf((float)inputs), below, inputs, net->weight[net->depth], inputs, 1.0f, net->out, outputs);
}

void phasewise_realmlp_backward(const RealMLP *net) {
    const int64_t rows = net->rows, features = net->features, depth = net->depth;
    const float *dz = net->dout;
    int64_t wide = net->outputs;
    float *top = net->dbias[depth];
    for (int64_t c = 0; c < wide; c++) top[c] = 0.0f;
    for (int64_t r = 0; r < rows; r++) for (int64_t c = 0; c < wide; c++) top[c] += dz[r * wide + c];
    for (int64_t c = 0; c < wide; c++) top[c] *= net->bias_rate;
    for (int64_t i = depth; i >= 0; i--) {
        const int64_t inputs = i ? net->sizes[i - 1] : features;
        const float gain = 1.0f / sqrtf((float)inputs), *below = i ? net->h[i - 1] : net->scaled;
        float *d = net->slope[i % 2];
        multiply(net->gemm, 1, 0, wide, inputs, rows, gain, dz, wide, below, inputs, 0.0f, net->dweight[i], inputs);
        multiply(net->gemm, 0, 0, rows, inputs, wide, gain, dz, wide, net->weight[i], inputs, 0.0f, d, inputs);
        if (i) {
            const int64_t l = i - 1;
            const int cut = (int)net->cuts[l];
#define UNMIX(kind, cut, noise) unmix(kind, cut, rows, inputs, d, net->pre[l], net->bias[l], net->bias_rate, net->amount[l], net->amount_rate, noise, net->dbias[l], net->damount[l])
            if (net->activation == SELU) { if (cut) UNMIX(SELU, cut, net->noise[l]); else UNMIX(SELU, 0, 0); }
            else { if (cut) UNMIX(MISH, cut, net->noise[l]); else UNMIX(MISH, 0, 0); }
#undef UNMIX
        }
        dz = d, wide = inputs;
    }
    for (int64_t c = 0; c < features; c++) net->dfactor[c] = 0.0f;
    for (int64_t r = 0; r < rows; r++) {
        const float *d = dz + r * features, *x = net->x + r * features;
        VECTOR for (int64_t c = 0; c < features; c++) net->dfactor[c] += d[c] * x[c];
        if (net->dx) VECTOR for (int64_t c = 0; c < features; c++) net->dx[r * features + c] = d[c] * (net->factor[c] * net->scale_rate);
    }
    for (int64_t c = 0; c < features; c++) net->dfactor[c] *= net->scale_rate;
}
