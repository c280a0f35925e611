/* Piecewise-linear encoding and its map in one (kinds/tabular/networks/compiled/bins.py).
 *
 * Of a value's encoding all bins below its own are 1, its own a fraction, those above 0: the map is a prefix sum of weights and a fraction of one
 * of them, and a weight's gradient a suffix sum of slopes and the fractions of its own bin. */

typedef struct {
    int64_t rows, columns, rich, flat, bins, size;
    const int64_t *rich_at, *flat_at; /* which columns are encoded and which pass as one scaled number */
    const float *x, *low, *inverse, *floor, *ceiling, *center, *factor, *middle, *scale; /* [rows, columns]; four of [rich, bins], two of [rich], two of [flat] */
    const float *linear, *bias, *weight; /* [rich, size] twice, [rich, bins, size] */
    float *prefix, *share; /* [bins, size]; [rich, rows] the fraction in a value's own bin */
    int32_t *bin; /* [rich, rows] */
    float *out; /* [rows, rich * size + flat] */
    const float *dout;
    float *dlinear, *dbias, *dweight, *below; /* below [bins, size] */
} Bins;

INLINE void encode(const Bins *net, int64_t j, const int64_t size) {
    const int64_t bins = net->bins, stride = net->rich * size + net->flat;
    const float *low = net->low + j * bins, *inverse = net->inverse + j * bins, *floor = net->floor + j * bins, *ceiling = net->ceiling + j * bins;
    const float *linear = net->linear + j * size, *bias = net->bias + j * size, *weight = net->weight + j * bins * size;
    float *prefix = net->prefix;
    int64_t count = 0;
    while (count < bins && inverse[count] > 0.0f) count++;
    for (int64_t c = 0; c < size; c++) prefix[c] = 0.0f;
    for (int64_t k = 1; k < count; k++) VECTOR for (int64_t c = 0; c < size; c++) prefix[k * size + c] = prefix[(k - 1) * size + c] + weight[(k - 1) * size + c];
    for (int64_t r = 0; r < net->rows; r++) {
        const float v = net->x[r * net->columns + net->rich_at[j]], standard = (v - net->center[j]) * net->factor[j];
        int32_t k = 0;
        for (int64_t i = 1; i < count; i++) k += v >= low[i];
        float share = (v - low[k]) * inverse[k];
        share = share < floor[k] ? floor[k] : share > ceiling[k] ? ceiling[k] : share; /* NaN stays NaN */
        net->bin[j * net->rows + r] = k;
        net->share[j * net->rows + r] = share;
        float *to = net->out + r * stride + j * size;
        const float *p = prefix + k * size, *w = weight + k * size;
        VECTOR for (int64_t c = 0; c < size; c++) to[c] = standard * linear[c] + bias[c] + p[c] + share * w[c];
    }
}

INLINE void decode(const Bins *net, int64_t j, const int64_t size) {
    const int64_t bins = net->bins, stride = net->rich * size + net->flat;
    float *own = net->dweight + j * bins * size, *below = net->below, *dlinear = net->dlinear + j * size, *dbias = net->dbias + j * size;
    for (int64_t i = 0; i < bins * size; i++) own[i] = 0.0f, below[i] = 0.0f;
    for (int64_t c = 0; c < size; c++) dlinear[c] = dbias[c] = 0.0f;
    for (int64_t r = 0; r < net->rows; r++) {
        const int64_t k = net->bin[j * net->rows + r];
        const float standard = (net->x[r * net->columns + net->rich_at[j]] - net->center[j]) * net->factor[j], share = net->share[j * net->rows + r];
        const float *d = net->dout + r * stride + j * size;
        float *o = own + k * size, *b = below + k * size;
        VECTOR for (int64_t c = 0; c < size; c++) {
            b[c] += d[c];
            o[c] += share * d[c];
            dlinear[c] += standard * d[c];
        }
    }
    for (int64_t k = bins - 1; k >= 0; k--) VECTOR for (int64_t c = 0; c < size; c++) { /* dbias runs along as the sum of the bins above */
        own[k * size + c] += dbias[c];
        dbias[c] += below[k * size + c];
    }
}

void phasewise_bins_forward(const Bins *net) {
    const int64_t stride = net->rich * net->size + net->flat;
    for (int64_t j = 0; j < net->rich; j++) if (net->size == 16) encode(net, j, 16); else encode(net, j, net->size);
    for (int64_t r = 0; r < net->rows; r++) for (int64_t i = 0; i < net->flat; i++)
        net->out[r * stride + net->rich * net->size + i] = (net->x[r * net->columns + net->flat_at[i]] - net->middle[i]) * net->scale[i];
}

void phasewise_bins_backward(const Bins *net) {
    for (int64_t j = 0; j < net->rich; j++) if (net->size == 16) decode(net, j, 16); else decode(net, j, net->size);
}
