/* Steps of N stacked dense networks (engine/dense), member by member: rows, forward, loss, backward, clip, update.
 *
 * What a member's step touches fits a core's cache, so one member does all the steps asked for before the next one begins.
 * Matrix products are the BLAS of torch itself, handed over as a pointer. Nothing here knows how many members there are: a member's
 * bits are the same in any company. Compiled by build.py; the layout of `Net` is the one of dense/compiled.py. */
#include <math.h>
#include <stddef.h>

#include "activations.h"
#include "blas.h"

typedef struct { int64_t at, stride; } Place; /* where a piece lies in its store: member 0, and from member to member (in numbers) */
typedef struct { float *at; int64_t stride; } Space; /* a buffer of a step */

enum { CROSS_ENTROPY, BCE, MSE };
enum { SGD, ADAM, ADAMW, RMSPROP, ADADELTA };

typedef struct {
    Gemm gemm;
    int64_t depth, numbers, inputs, outputs, cats, embedded, major, normed, activation, loss, optimiser, batch, pieces, targets; /* targets: 0 int64, 1 float */
    const int64_t *sizes, *widths, *cards, *drops, *counts, *decays; /* per layer, per column, per column, per layer, per piece, per piece */
    const Place *weight, *bias, *gain, *mean, *variance, *table, *piece; /* bias[i] is the batch norm's where there is one; [depth] is the head */
    float *parameters, *gradients, *statistics, *first, *second, *ema, *ema_statistics;
    Space x, z, dz, dx;
    const Space *pre, *h, *grad, *norm, *rstd;
    uint8_t *noise;
    uint64_t **random; /* per member the four words of its SFC64 stream, or none */
    const int64_t *threshold; /* [N, depth] */
    const double *scale, *decay, *momentum, *nesterov, *smoothing, *clip_value, *clip_norm, *average; /* [N, depth], then [N]; limits are infinite where none */
    const float *class_weights; /* [N, classes] or none */
    double *steps; /* [N] updates done */
} Net;

#include "layers.h"
#include "loss.h"
#include "update.h"

/* Numbers too small to be normal are taken as zero, as `device.numerics` has it; every thread keeps its own switch. */
#ifdef __SSE__
#include <xmmintrin.h>
static unsigned flush_denormals(void) { const unsigned before = _mm_getcsr(); _mm_setcsr(before | 0x8040); return before; }
static void restore(unsigned before) { _mm_setcsr(before); }
#else
static unsigned flush_denormals(void) { return 0; }
static void restore(unsigned before) { (void)before; }
#endif

static void average(const Net *net, int64_t m) {
    float rate = (float)net->average[m];
    for (int64_t p = 0; p < net->pieces; p++) {
        float *to = net->ema + net->piece[p].at + m * net->piece[p].stride, *from = net->parameters + net->piece[p].at + m * net->piece[p].stride;
        for (int64_t i = 0; i < net->counts[p]; i++) to[i] += rate * (from[i] - to[i]);
    }
    if (net->normed) for (int64_t i = 0; i < net->depth; i++) {
        Place both[2] = {net->mean[i], net->variance[i]};
        for (int k = 0; k < 2; k++) {
            float *to = net->ema_statistics + both[k].at + m * both[k].stride, *from = net->statistics + both[k].at + m * both[k].stride;
            for (int64_t c = 0; c < net->sizes[i]; c++) to[c] += rate * (from[c] - to[c]);
        }
    }
}

/* Some steps of member m of n, with room for its noise. rows int64 [steps, n, batch], rates and losses [steps, n]. */
void phasewise_run(const Net *shared, int64_t m, int64_t n, int64_t steps, uint8_t *noise, const float *num, const int32_t *cat, const void *y,
                   const int64_t *rows, const double *rates, float *losses) {
    Net own = *shared, *net = &own; /* other threads run other members */
    own.noise = noise;
    const unsigned before = flush_denormals();
    for (int64_t s = 0; s < steps; s++) {
        const int64_t *at = rows + (s * n + m) * net->batch;
        gather(net, m, num, cat, at, net->batch);
        draw(net, m);
        forward(net, m);
        losses[s * n + m] = loss_of(net, m, y, at);
        backward(net, m, cat, at);
        clip(net, m);
        update(net, m, rates[s * n + m]);
        if (net->average) average(net, m);
    }
    restore(before);
}

/* Outputs of one member in evaluation mode for some rows, into out [outputs, count] (class-major) or [count, outputs]. */
void phasewise_outputs(const Net *net, int64_t m, const float *num, const int32_t *cat, const int64_t *rows, int64_t count, float *parameters,
                       float *statistics, float *out) {
    Net block = *net; /* the buffers hold a batch */
    block.parameters = parameters, block.statistics = statistics;
    const unsigned before = flush_denormals();
    for (int64_t at = 0; at < count; at += net->batch) {
        block.batch = count - at < net->batch ? count - at : net->batch;
        gather(&block, m, num, cat, rows + at, block.batch);
        evaluate(&block, m, out + (net->major ? at : at * net->outputs), net->major ? count : net->outputs);
    }
    restore(before);
}
