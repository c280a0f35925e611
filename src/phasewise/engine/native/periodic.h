/* Periodic embeddings of numbers (kinds/tabular/networks/compiled/periodic.py): x beside W cos(2 pi w x + b) + c per column.
 *
 * A block of rows of one column goes through all its waves before the next, so that no array of angles goes through memory. */
#define ROWS 256
#define LANES 16
#define MOST 16 /* numbers a column is mapped to, at most */

typedef struct {
    int64_t rows, columns, waves, mapped;
    float rate, turn; /* what stored parameters are multiplied with; for frequencies 2 pi of it */
    const float *x, *frequency, *phase, *weight, *bias; /* [rows, columns]; [columns, waves], ..., [columns, waves, mapped], [columns, mapped] */
    float *out; /* [rows, columns * (1 + mapped)] */
    const float *dout;
    float *dfrequency, *dphase, *dweight, *dbias;
} Periodic;

typedef struct {
    int64_t rows, columns;
    const float *x, *center, *factor;
    float *out;
} Scale;

/* (x - center) factor, then the smooth clip v / sqrt(1 + (v / 3)^2). */
void phasewise_scale(const Scale *net) {
    for (int64_t r = 0; r < net->rows; r++) {
        const float *x = net->x + r * net->columns;
        float *out = net->out + r * net->columns;
        VECTOR for (int64_t c = 0; c < net->columns; c++) {
            const float v = (x[c] - net->center[c]) * net->factor[c], third = v / 3.0f;
            out[c] = v / sqrtf(1.0f + third * third);
        }
    }
}

/* Sum of a b over count numbers (a multiple of LANES), in an order that is always the same. */
INLINE float inner(int64_t count, const float *a, const float *b) {
    float lanes[LANES] = {0};
    for (int64_t i = 0; i < count; i += LANES) for (int l = 0; l < LANES; l++) lanes[l] += a[i + l] * b[i + l];
    for (int half = LANES / 2; half; half /= 2) for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
    return lanes[0];
}

void phasewise_periodic_forward(const Periodic *net) {
    const int64_t mapped = net->mapped, columns = net->columns, stride = columns * (1 + mapped);
    float x[ROWS], wave[ROWS], sums[MOST][ROWS];
    for (int64_t j = 0; j < columns; j++) for (int64_t at = 0; at < net->rows; at += ROWS) {
        const int64_t count = net->rows - at < ROWS ? net->rows - at : ROWS;
        for (int64_t r = 0; r < count; r++) x[r] = net->x[(at + r) * columns + j];
        for (int64_t s = 0; s < mapped; s++) for (int64_t r = 0; r < count; r++) sums[s][r] = net->bias[j * mapped + s] * net->rate;
        for (int64_t w = 0; w < net->waves; w++) {
            const float frequency = net->frequency[j * net->waves + w] * net->turn, phase = net->phase[j * net->waves + w] * net->rate;
            VECTOR for (int64_t r = 0; r < count; r++) {
                float sine;
                sine_cosine(frequency * x[r] + phase, &sine, &wave[r]);
            }
            for (int64_t s = 0; s < mapped; s++) {
                const float weight = net->weight[(j * net->waves + w) * mapped + s] * net->rate;
                VECTOR for (int64_t r = 0; r < count; r++) sums[s][r] += weight * wave[r];
            }
        }
        float *to = net->out + at * stride + j * (1 + mapped);
        for (int64_t r = 0; r < count; r++) {
            to[r * stride] = x[r];
            for (int64_t s = 0; s < mapped; s++) to[r * stride + 1 + s] = sums[s][r];
        }
    }
}

void phasewise_periodic_backward(const Periodic *net) {
    const int64_t mapped = net->mapped, columns = net->columns, waves = net->waves, stride = columns * (1 + mapped);
    float x[ROWS], wave[ROWS], bent[ROWS], one[ROWS], slopes[MOST][ROWS];
    for (int64_t r = 0; r < ROWS; r++) one[r] = 1.0f;
    for (int64_t i = 0; i < columns * waves; i++) net->dfrequency[i] = net->dphase[i] = 0.0f;
    for (int64_t i = 0; i < columns * waves * mapped; i++) net->dweight[i] = 0.0f;
    for (int64_t i = 0; i < columns * mapped; i++) net->dbias[i] = 0.0f;
    for (int64_t j = 0; j < columns; j++) for (int64_t at = 0; at < net->rows; at += ROWS) {
        const int64_t count = net->rows - at < ROWS ? net->rows - at : ROWS, whole = (count + LANES - 1) / LANES * LANES;
        const float *from = net->dout + at * stride + j * (1 + mapped) + 1;
        for (int64_t r = 0; r < count; r++) {
            x[r] = net->x[(at + r) * columns + j];
            for (int64_t s = 0; s < mapped; s++) slopes[s][r] = from[r * stride + s];
        }
        for (int64_t r = count; r < whole; r++) { /* rows that are none: their slope is 0 */
            x[r] = 0.0f;
            for (int64_t s = 0; s < mapped; s++) slopes[s][r] = 0.0f;
        }
        for (int64_t s = 0; s < mapped; s++) net->dbias[j * mapped + s] += inner(whole, slopes[s], one) * net->rate;
        for (int64_t w = 0; w < waves; w++) {
            const int64_t place = j * waves + w;
            const float frequency = net->frequency[place] * net->turn, phase = net->phase[place] * net->rate;
            for (int64_t r = 0; r < whole; r++) bent[r] = 0.0f;
            for (int64_t s = 0; s < mapped; s++) {
                const float weight = net->weight[place * mapped + s] * net->rate;
                VECTOR for (int64_t r = 0; r < whole; r++) bent[r] += weight * slopes[s][r];
            }
            VECTOR for (int64_t r = 0; r < whole; r++) {
                float sine;
                sine_cosine(frequency * x[r] + phase, &sine, &wave[r]);
                bent[r] *= -sine;
            }
            for (int64_t s = 0; s < mapped; s++) net->dweight[place * mapped + s] += inner(whole, wave, slopes[s]) * net->rate;
            net->dphase[place] += inner(whole, bent, one) * net->rate;
            net->dfrequency[place] += inner(whole, bent, x) * net->turn;
        }
    }
}
