/* Loss and update of one network whose layers torch's autograd calls (engine/native/single.py). */

enum { ENTROPY, BINARY, SQUARES };

typedef struct {
    int64_t kind, rows, repeats, classes, step, next, integral; /* outputs [repeats * rows, classes], `step` apart by class and `next` by row; targets int64 or float */
    float smoothing;
    const float *z, *weights; /* [classes] or none */
    const void *y; /* [rows] */
    float *dz; /* as z */
    float *loss; /* one number */
    int64_t outside; /* how many targets are no class: the loss is of no use then */
} Loss;

/* The mean loss (weighted by class where weights are given) and its gradient. */
void phasewise_single_loss(Loss *net) {
    const int64_t rows = net->rows, all = rows * net->repeats, classes = net->classes;
    const int64_t known = net->kind == ENTROPY ? classes : 2;
    double total = 0.0, weight = 0.0;
    for (int64_t at = 0; at < all; at += BLOCK) {
        const int64_t count = all - at < BLOCK ? all - at : BLOCK;
        float each[BLOCK], share[BLOCK];
        int64_t truth[BLOCK];
        const float *z = net->z + at * net->next;
        float *dz = net->dz + at * net->next;
        for (int64_t r = 0; r < count; r++) {
            const int64_t row = (at + r) % rows;
            const float value = net->integral ? (float)((const int64_t *)net->y)[row] : ((const float *)net->y)[row];
            truth[r] = net->kind == SQUARES ? 0 : (int64_t)value;
            if (truth[r] < 0 || truth[r] >= known) truth[r] = 0, net->outside++;
            share[r] = net->weights ? net->weights[truth[r]] : 1.0f;
            weight += share[r];
            const int64_t place = r * net->next;
            if (net->kind == BINARY) each[r] = binary_entropy(z[place], value * (1.0f - net->smoothing) + 0.5f * net->smoothing, &dz[place]);
            else if (net->kind == SQUARES) each[r] = (z[place] - value) * (z[place] - value), dz[place] = 2.0f * (z[place] - value);
        }
        if (net->kind == ENTROPY) {
            if (net->next == 1) cross_entropy(count, classes, net->step, 1, z, dz, truth, net->smoothing, each);
            else cross_entropy(count, classes, 1, net->next, z, dz, truth, net->smoothing, each);
        }
        for (int64_t r = 0; r < count; r++) total += (double)each[r] * share[r];
        if (net->weights) for (int64_t c = 0; c < classes; c++) for (int64_t r = 0; r < count; r++) dz[r * net->next + c * net->step] *= share[r];
    }
    const float part_of = (float)(1.0 / weight);
    for (int64_t i = 0; i < all * classes; i++) net->dz[i] *= part_of;
    *net->loss = (float)(total / weight);
}

typedef struct {
    int64_t pieces, apart; /* apart: AdamW's decay, else Adam's */
    const int64_t *counts;
    float *const *weight, *const *gradient, *const *first, *const *second, *const *steps; /* steps: one number a piece, as torch.optim counts */
    const double *rate, *decay; /* a piece */
    double value, norm; /* limits, infinite where none */
} Update;

/* Clips all gradients, in place, and does one step of Adam(W). */
void phasewise_single_update(const Update *net) {
    double squares = 0.0;
    for (int64_t p = 0; p < net->pieces; p++) {
        if (net->value < INFINITY) clip_values(net->counts[p], net->gradient[p], (float)net->value);
        if (net->norm < INFINITY) squares += sum_of_squares(net->counts[p], net->gradient[p]);
    }
    const float factor = net->norm < INFINITY ? clip_factor(net->norm, squares) : 1.0f;
    for (int64_t p = 0; p < net->pieces; p++) {
        if (factor != 1.0f) for (int64_t i = 0; i < net->counts[p]; i++) net->gradient[p][i] *= factor;
        const double t = (double)(*net->steps[p] += 1.0f), rate = net->rate[p];
        const float size = (float)(rate / (1.0 - pow(BETA1, t))), root = (float)sqrt(1.0 - pow(BETA2, t));
        if (net->apart) adam(1, net->counts[p], net->weight[p], net->gradient[p], net->first[p], net->second[p], 0.0f, (float)(1.0 - rate * net->decay[p]), size, root);
        else adam(0, net->counts[p], net->weight[p], net->gradient[p], net->first[p], net->second[p], (float)net->decay[p], 1.0f, size, root);
    }
}
