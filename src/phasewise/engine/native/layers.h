/* Rows, dropout noise, and the layers forward and backward, for one member. */
#define BN_MOMENTUM 0.1f
#define BN_EPS 1e-5f

/* c [m, n] (rows ldc apart) = beta c + a b, all row by row; ta and tb say that a or b lies transposed. */
static void product(const Net *net, int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    multiply(net->gemm, ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}

INLINE float *part(float *store, Place p, int64_t m) { return store + p.at + m * p.stride; }
INLINE float *room(Space s, int64_t m) { return s.at + m * s.stride; }

static void gather(const Net *net, int64_t m, const float *num, const int32_t *cat, const int64_t *rows, int64_t b) {
    float *x = room(net->x, m);
    const int64_t d = net->inputs, numbers = net->numbers;
    for (int64_t r = 0; r < b; r++) {
        if (r + 8 < b && numbers) __builtin_prefetch(num + rows[r + 8] * numbers);
        const float *from = num + rows[r] * numbers;
        float *to = x + r * d;
        for (int64_t c = 0; c < numbers; c++) to[c] = from[c];
        int64_t at = numbers;
        for (int64_t i = 0; i < net->cats; i++) {
            const int64_t code = cat[rows[r] * net->cats + i], width = net->widths[i];
            if (net->embedded) {
                const float *table = part(net->parameters, net->table[i], m) + code * width;
                for (int64_t c = 0; c < width; c++) to[at + c] = table[c];
            } else {
                for (int64_t c = 0; c < width; c++) to[at + c] = 0.0f;
                to[at + code] = 1.0f;
            }
            at += width;
        }
    }
}

/* This step's random bytes of a member: the SFC64 words that numpy would draw (random_raw), all layers one behind the other. */
static void draw(const Net *net, int64_t m) {
    if (!net->random || !net->random[m]) return;
    uint64_t *state = net->random[m], a = state[0], b = state[1], c = state[2], count = state[3], *to = (uint64_t *)net->noise;
    int64_t bytes = 0;
    for (int64_t i = 0; i < net->depth; i++) bytes += net->batch * net->sizes[i];
    for (int64_t i = 0; i < (bytes + 7) / 8; i++) {
        const uint64_t word = a + b + count++;
        a = b ^ (b >> 11);
        b = c + (c << 3);
        c = ((c << 24) | (c >> 40)) + word;
        to[i] = word;
    }
    state[0] = a, state[1] = b, state[2] = c, state[3] = count;
}

/* h = mask * f(a * gain + shift), or of a + shift; what goes into f is kept in `pre` where the derivative needs it. */
INLINE void activate(int kind, int drops, int64_t b, int64_t width, const float *a, const float *gain, const float *shift, float *pre, float *h,
                     const uint8_t *noise, int threshold, float scale) {
    for (int64_t r = 0; r < b; r++) {
        const float *from = a + r * width;
        float *to = h + r * width, *kept = kind == RELU ? 0 : pre + r * width;
        const uint8_t *n = drops ? noise + r * width : 0;
        VECTOR for (int64_t c = 0; c < width; c++) {
            float v = gain ? from[c] * gain[c] + shift[c] : from[c] + shift[c];
            if (kind != RELU) kept[c] = v;
            v = activated(kind, v);
            to[c] = drops ? v * (n[c] >= threshold ? scale : 0.0f) : v;
        }
    }
}

/* d *= mask * f'(pre), in place, and its sums over the rows. */
INLINE void deactivate(int kind, int drops, int64_t b, int64_t width, float *d, const float *pre, const float *h, const uint8_t *noise, int threshold,
                       float scale, float *sums) {
    for (int64_t c = 0; c < width; c++) sums[c] = 0.0f;
    for (int64_t r = 0; r < b; r++) {
        float *at = d + r * width;
        const float *v = (kind == RELU ? h : pre) + r * width;
        const uint8_t *n = drops && kind != RELU ? noise + r * width : 0;
        VECTOR for (int64_t c = 0; c < width; c++) {
            float g = at[c];
            if (kind == RELU) g = v[c] <= 0.0f ? 0.0f : drops ? g * scale : g; /* what was dropped is zero in h too */
            else g = slope(kind, v[c]) * (drops ? g * (n[c] >= threshold ? scale : 0.0f) : g);
            at[c] = g;
            sums[c] += g;
        }
    }
}

#define EACH(kind, call) switch (kind) { \
    case RELU: call(RELU); break; case TANH: call(TANH); break; case SIGMOID: call(SIGMOID); break; \
    case SELU: call(SELU); break; case SILU: call(SILU); break; default: call(MISH); }

/* Mean and variance of every column, in place normalised: a becomes (a - mean) / sqrt(variance + eps), running figures move along. */
static void normalise(const Net *net, int64_t i, int64_t m, float *a) {
    const int64_t b = net->batch, width = net->sizes[i];
    float *mean = room(net->dx, m), *rstd = room(net->rstd[i], m); /* dx is free during the forward pass, and at least this long */
    float *kept_mean = part(net->statistics, net->mean[i], m), *kept_var = part(net->statistics, net->variance[i], m);
    for (int64_t c = 0; c < width; c++) mean[c] = 0.0f, rstd[c] = 0.0f;
    for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < width; c++) mean[c] += a[r * width + c];
    for (int64_t c = 0; c < width; c++) mean[c] /= (float)b;
    for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < width; c++) {
        const float gap = a[r * width + c] - mean[c];
        a[r * width + c] = gap;
        rstd[c] += gap * gap;
    }
    const float unbiased = (float)b / (float)(b > 1 ? b - 1 : 1);
    VECTOR for (int64_t c = 0; c < width; c++) {
        const float variance = rstd[c] / (float)b;
        kept_mean[c] += BN_MOMENTUM * (mean[c] - kept_mean[c]);
        kept_var[c] += BN_MOMENTUM * (variance * unbiased - kept_var[c]);
        rstd[c] = 1.0f / sqrtf(variance + BN_EPS);
    }
    for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < width; c++) a[r * width + c] *= rstd[c];
}

/* Outputs z from the last hidden layer [batch, inputs]; the rows of z lie ldz apart. */
static void head(const Net *net, int64_t m, const float *below, int64_t inputs, float *z, int64_t ldz) {
    const int64_t b = net->batch;
    const float *w = part(net->parameters, net->weight[net->depth], m), *bias = part(net->parameters, net->bias[net->depth], m);
    const int64_t outputs = net->outputs;
    if (net->major) {
        for (int64_t c = 0; c < outputs; c++) VECTOR for (int64_t r = 0; r < b; r++) z[c * ldz + r] = bias[c];
        product(net, 0, 1, outputs, b, inputs, w, inputs, below, inputs, 1.0f, z, ldz);
    } else {
        for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < outputs; c++) z[r * ldz + c] = bias[c];
        product(net, 0, 0, b, outputs, inputs, below, inputs, w, outputs, 1.0f, z, ldz);
    }
}

static void forward(const Net *net, int64_t m) {
    const int64_t b = net->batch;
    const float *below = room(net->x, m);
    int64_t inputs = net->inputs;
    const uint8_t *noise = net->noise;
    for (int64_t i = 0; i < net->depth; i++) {
        const int64_t width = net->sizes[i];
        float *h = room(net->h[i], m), *pre = room(net->pre[i], m), *a = net->normed ? room(net->norm[i], m) : h;
        const int drops = net->drops[i] && net->random[m];
        const int threshold = drops ? (int)net->threshold[m * net->depth + i] : 0;
        const float scale = drops ? (float)net->scale[m * net->depth + i] : 1.0f;
        product(net, 0, 0, b, width, inputs, below, inputs, part(net->parameters, net->weight[i], m), width, 0.0f, a, width);
        if (net->normed) normalise(net, i, m, a);
        const float *gain = net->normed ? part(net->parameters, net->gain[i], m) : 0;
        const float *shift = part(net->parameters, net->bias[i], m);
#define CALL(K) if (drops) { if (gain) activate(K, 1, b, width, a, gain, shift, pre, h, noise, threshold, scale); else activate(K, 1, b, width, a, 0, shift, pre, h, noise, threshold, scale); } \
                else { if (gain) activate(K, 0, b, width, a, gain, shift, pre, h, noise, threshold, scale); else activate(K, 0, b, width, a, 0, shift, pre, h, noise, threshold, scale); }
        EACH(net->activation, CALL)
#undef CALL
        below = h, inputs = width, noise += b * width;
    }
    head(net, m, below, inputs, room(net->z, m), net->major ? b : net->outputs);
}

/* As forward, with running statistics and without dropout, into z whose rows are ldz apart. */
static void evaluate(const Net *net, int64_t m, float *z, int64_t ldz) {
    const int64_t b = net->batch;
    const float *below = room(net->x, m);
    int64_t inputs = net->inputs;
    for (int64_t i = 0; i < net->depth; i++) {
        const int64_t width = net->sizes[i];
        float *h = room(net->h[i], m), *pre = room(net->pre[i], m);
        product(net, 0, 0, b, width, inputs, below, inputs, part(net->parameters, net->weight[i], m), width, 0.0f, h, width);
        const float *gain = 0, *shift = part(net->parameters, net->bias[i], m);
        if (net->normed) {
            float *factor = room(net->rstd[i], m), *plus = room(net->dx, m);
            const float *scale = part(net->parameters, net->gain[i], m), *mean = part(net->statistics, net->mean[i], m), *variance = part(net->statistics, net->variance[i], m);
            for (int64_t c = 0; c < width; c++) {
                factor[c] = scale[c] / sqrtf(variance[c] + BN_EPS);
                plus[c] = shift[c] - mean[c] * factor[c];
            }
            gain = factor, shift = plus;
        }
#define CALL(K) if (gain) activate(K, 0, b, width, h, gain, shift, pre, h, 0, 0, 1.0f); else activate(K, 0, b, width, h, 0, shift, pre, h, 0, 0, 1.0f);
        EACH(net->activation, CALL)
#undef CALL
        below = h, inputs = width;
    }
    head(net, m, below, inputs, z, ldz);
}

/* d becomes the gradient by what was normalised; sums over rows of d are the shift's gradient, of d times the normalised the gain's. */
static void denormalise(const Net *net, int64_t i, int64_t m, float *d, const float *shifts) {
    const int64_t b = net->batch, width = net->sizes[i];
    const float *norm = room(net->norm[i], m), *rstd = room(net->rstd[i], m), *gain = part(net->parameters, net->gain[i], m);
    float *gains = part(net->gradients, net->gain[i], m);
    for (int64_t c = 0; c < width; c++) gains[c] = 0.0f;
    for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < width; c++) gains[c] += d[r * width + c] * norm[r * width + c];
    for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < width; c++) {
        const int64_t at = r * width + c;
        d[at] = (d[at] - shifts[c] / (float)b - norm[at] * (gains[c] / (float)b)) * (gain[c] * rstd[c]);
    }
}

static void backward(const Net *net, int64_t m, const int32_t *cat, const int64_t *rows) {
    const int64_t b = net->batch, depth = net->depth, outputs = net->outputs;
    const float *dz = room(net->dz, m), *upper = part(net->parameters, net->weight[depth], m);
    const float *last = depth ? room(net->h[depth - 1], m) : room(net->x, m);
    int64_t below = depth ? net->sizes[depth - 1] : net->inputs, wide = outputs;
    float *gw = part(net->gradients, net->weight[depth], m), *gb = part(net->gradients, net->bias[depth], m);
    if (net->major) {
        product(net, 0, 0, outputs, below, b, dz, b, last, below, 0.0f, gw, below);
        for (int64_t c = 0; c < outputs; c++) {
            float lanes[16] = {0};
            double sum = 0.0;
            int64_t r = 0;
            for (; r + 16 <= b; r += 16) for (int l = 0; l < 16; l++) lanes[l] += dz[c * b + r + l];
            for (; r < b; r++) sum += dz[c * b + r];
            for (int l = 0; l < 16; l++) sum += lanes[l];
            gb[c] = (float)sum;
        }
    } else {
        product(net, 1, 0, below, outputs, b, last, below, dz, outputs, 0.0f, gw, outputs);
        for (int64_t c = 0; c < outputs; c++) gb[c] = 0.0f;
        for (int64_t r = 0; r < b; r++) VECTOR for (int64_t c = 0; c < outputs; c++) gb[c] += dz[r * outputs + c];
    }
    const uint8_t *noise = net->noise;
    for (int64_t i = 0; i < depth; i++) noise += b * net->sizes[i];
    for (int64_t i = depth - 1; i >= 0; i--) {
        const int64_t width = net->sizes[i];
        float *d = room(net->grad[i], m);
        if (i == depth - 1 && net->major) product(net, 1, 0, b, width, outputs, dz, b, upper, width, 0.0f, d, width);
        else product(net, 0, 1, b, width, wide, dz, wide, upper, wide, 0.0f, d, width);
        noise -= b * width;
        const int drops = net->drops[i] && net->random[m];
        const int threshold = drops ? (int)net->threshold[m * depth + i] : 0;
        const float scale = drops ? (float)net->scale[m * depth + i] : 1.0f, *h = room(net->h[i], m), *pre = room(net->pre[i], m);
        float *sums = part(net->gradients, net->bias[i], m);
#define CALL(K) if (drops) deactivate(K, 1, b, width, d, pre, h, noise, threshold, scale, sums); else deactivate(K, 0, b, width, d, pre, h, noise, threshold, scale, sums);
        EACH(net->activation, CALL)
#undef CALL
        if (net->normed) denormalise(net, i, m, d, sums);
        const float *h_below = i ? room(net->h[i - 1], m) : room(net->x, m);
        below = i ? net->sizes[i - 1] : net->inputs;
        product(net, 1, 0, below, width, b, h_below, below, d, width, 0.0f, part(net->gradients, net->weight[i], m), width);
        dz = d, upper = part(net->parameters, net->weight[i], m), wide = width;
    }
    if (!net->cats || !net->embedded) return;
    const int64_t embedded = net->inputs - net->numbers;
    float *dx = room(net->dx, m);
    if (!depth && net->major) product(net, 1, 0, b, embedded, outputs, dz, b, upper + net->numbers, net->inputs, 0.0f, dx, embedded);
    else product(net, 0, 1, b, embedded, wide, dz, wide, upper + net->numbers * wide, wide, 0.0f, dx, embedded);
    int64_t at = 0;
    for (int64_t i = 0; i < net->cats; i++) {
        float *g = part(net->gradients, net->table[i], m);
        const int64_t width = net->widths[i];
        for (int64_t k = 0; k < net->cards[i] * width; k++) g[k] = 0.0f;
        for (int64_t r = 0; r < b; r++) {
            const int64_t code = cat[rows[r] * net->cats + i];
            for (int64_t c = 0; c < width; c++) g[code * width + c] += dx[r * embedded + at + c];
        }
        at += width;
    }
}
