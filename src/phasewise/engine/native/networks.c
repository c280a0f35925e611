/* The layers of the strong tabular networks (kinds/tabular/networks/compiled), each a function that a torch autograd.Function calls: one pass over
 * memory where single torch calls make many. Structs are those of the Python files named at their heads; sums have an order of their own, so that
 * the same numbers give the same bits. Compiled by build.py. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
#pragma GCC target("prefer-vector-width=512") /* a fifth to a third faster here than the compiler's own choice of half as wide */
#endif
#include <math.h>

#include "activations.h"
#include "blas.h"
#include "adam.h"
#include "entropy.h"
#include "realmlp.h"
#include "periodic.h"
#include "bins.h"
#include "tabm.h"
#include "single.h"
