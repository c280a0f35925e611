/* TabM's adapted layers and heads (kinds/tabular/networks/compiled/tabm.py), member by member, so that a member's data stays in a core's cache. */

typedef struct {
    Gemm gemm;
    int64_t rows, features, members, depth, outputs, keep; /* keep: hidden outputs of all members stay for the backward pass */
    const int64_t *sizes, *cuts; /* [depth]; random bytes below a layer's cut drop a unit, 0: no dropout */
    const float *x, *const *weight, *const *bias, *const *r, *const *s; /* [rows, features]; per layer [in, out], [members, out], [members, in], [members, out] */
    const float *head, *head_bias; /* [members, width, outputs], [members, outputs] */
    float *made, *const *h; /* one member's own weights [in, out], the widest; per layer [members, rows, width], or without `keep` [rows, width] */
    const uint8_t *const *noise; /* per layer [members, rows, width] */
    float *out; /* [outputs, members, rows] */
    const float *dout;
    float *slope[2], *flow, *dx, *const *dweight, *const *dbias, *const *dr, *const *ds, *dhead, *dhead_bias; /* slopes [rows, the widest]; dx may be none */
} TabM;

/* A member's own weights: w * r * s, [inputs, width]. */
static void adapt(int64_t inputs, int64_t width, const float *w, const float *r, const float *s, float *made) {
    for (int64_t i = 0; i < inputs; i++) VECTOR for (int64_t c = 0; c < width; c++) made[i * width + c] = w[i * width + c] * s[c] * r[i];
}

/* h = mask * relu(h + bias). */
INLINE void rectify(int cut, int64_t rows, int64_t width, const float *bias, const uint8_t *noise, float *h) {
    const float scale = SURVIVORS(cut);
    for (int64_t r = 0; r < rows; r++) VECTOR for (int64_t c = 0; c < width; c++) {
        const float z = h[r * width + c] + bias[c], y = z < 0.0f ? 0.0f : z; /* NaN stays NaN */
        h[r * width + c] = cut ? y * (noise[r * width + c] >= cut ? scale : 0.0f) : y;
    }
}

/* The slope d of h becomes that of what went into relu, and dbias its sums over rows; h alone tells what lives. */
static void unrectify(int cut, int64_t rows, int64_t width, const float *h, float *d, float *dbias) {
    const float scale = SURVIVORS(cut);
    for (int64_t c = 0; c < width; c++) dbias[c] = 0.0f;
    for (int64_t r = 0; r < rows; r++) VECTOR for (int64_t c = 0; c < width; c++) {
        const float g = h[r * width + c] <= 0.0f ? 0.0f : d[r * width + c] * scale;
        d[r * width + c] = g;
        dbias[c] += g;
    }
}

/* From the gradient `flow` of a member's own weights those of r and s, and its part of the shared one, which adds up over members. */
static void share_out(int64_t inputs, int64_t width, const float *flow, const float *w, const float *r, const float *s, float *dw, float *dr, float *ds) {
    for (int64_t c = 0; c < width; c++) ds[c] = 0.0f;
    for (int64_t i = 0; i < inputs; i++) {
        const float *f = flow + i * width, *at = w + i * width, mine = r[i];
        float *to = dw + i * width, lanes[LANES] = {0}, rest = 0.0f;
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES) for (int l = 0; l < LANES; l++) {
            const float both = f[c + l] * at[c + l], scaled = f[c + l] * s[c + l];
            ds[c + l] += mine * both;
            lanes[l] += both * s[c + l];
            to[c + l] += scaled * mine;
        }
        for (; c < width; c++) {
            ds[c] += mine * f[c] * at[c];
            rest += f[c] * at[c] * s[c];
            to[c] += f[c] * s[c] * mine;
        }
        for (int half = LANES / 2; half; half /= 2) for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
        dr[i] = lanes[0] + rest;
    }
}

void phasewise_tabm_forward(const TabM *net) {
    const int64_t rows = net->rows, outputs = net->outputs, apart = net->members * rows;
    for (int64_t m = 0; m < net->members; m++) {
        const float *below = net->x;
        int64_t inputs = net->features;
        for (int64_t i = 0; i < net->depth; i++) {
            const int64_t width = net->sizes[i];
            const int cut = (int)net->cuts[i];
            float *h = net->h[i] + (net->keep ? m * rows * width : 0);
            adapt(inputs, width, net->weight[i], net->r[i] + m * inputs, net->s[i] + m * width, net->made);
            multiply(net->gemm, 0, 0, rows, width, inputs, 1.0f, below, inputs, net->made, width, 0.0f, h, width);
            if (cut) rectify(cut, rows, width, net->bias[i] + m * width, net->noise[i] + m * rows * width, h);
            else rectify(0, rows, width, net->bias[i] + m * width, 0, h);
            below = h, inputs = width;
        }
        float *out = net->out + m * rows;
        for (int64_t c = 0; c < outputs; c++) for (int64_t r = 0; r < rows; r++) out[c * apart + r] = net->head_bias[m * outputs + c];
        multiply(net->gemm, 1, 1, outputs, rows, inputs, 1.0f, net->head + m * inputs * outputs, outputs, below, inputs, 1.0f, out, apart);
    }
}

void phasewise_tabm_backward(const TabM *net) {
    const int64_t rows = net->rows, outputs = net->outputs, depth = net->depth, apart = net->members * rows, last = net->sizes[depth - 1];
    if (net->dx) for (int64_t i = 0; i < rows * net->features; i++) net->dx[i] = 0.0f;
    for (int64_t i = 0; i < depth; i++) {
        const int64_t count = (i ? net->sizes[i - 1] : net->features) * net->sizes[i];
        for (int64_t c = 0; c < count; c++) net->dweight[i][c] = 0.0f;
    }
    for (int64_t m = 0; m < net->members; m++) {
        const float *dout = net->dout + m * rows;
        float *d = net->slope[depth % 2], *by_class = net->flow, *dhead = net->dhead + m * last * outputs;
        multiply(net->gemm, 0, 0, outputs, last, rows, 1.0f, dout, apart, net->h[depth - 1] + m * rows * last, last, 0.0f, by_class, last);
        for (int64_t c = 0; c < outputs; c++) {
            float lanes[LANES] = {0}, sum = 0.0f;
            int64_t r = 0;
            for (int64_t i = 0; i < last; i++) dhead[i * outputs + c] = by_class[c * last + i];
            for (; r + LANES <= rows; r += LANES) for (int l = 0; l < LANES; l++) lanes[l] += dout[c * apart + r + l];
            for (; r < rows; r++) sum += dout[c * apart + r];
            for (int l = 0; l < LANES; l++) sum += lanes[l];
            net->dhead_bias[m * outputs + c] = sum;
        }
        multiply(net->gemm, 1, 1, rows, last, outputs, 1.0f, dout, apart, net->head + m * last * outputs, outputs, 0.0f, d, last);
        for (int64_t i = depth - 1; i >= 0; i--) {
            const int64_t width = net->sizes[i], inputs = i ? net->sizes[i - 1] : net->features;
            const float *source = i ? net->h[i - 1] + m * rows * inputs : net->x, *r = net->r[i] + m * inputs, *s = net->s[i] + m * width;
            float *below = net->slope[i % 2];
            unrectify((int)net->cuts[i], rows, width, net->h[i] + m * rows * width, d, net->dbias[i] + m * width);
            if (i || net->dx) {
                adapt(inputs, width, net->weight[i], r, s, net->made);
                if (i) multiply(net->gemm, 0, 1, rows, inputs, width, 1.0f, d, width, net->made, width, 0.0f, below, inputs);
                else multiply(net->gemm, 0, 1, rows, inputs, width, 1.0f, d, width, net->made, width, 1.0f, net->dx, inputs);
            }
            multiply(net->gemm, 1, 0, inputs, width, rows, 1.0f, source, inputs, d, width, 0.0f, net->flow, width);
            share_out(inputs, width, net->flow, net->weight[i], r, s, net->dweight[i], net->dr[i] + m * inputs, net->ds[i] + m * width);
            d = below;
        }
    }
}
