"""Configurations proposed from what earlier ones reached: a Gaussian process over the sampler's cube and expected improvement (T22).

Matern 5/2 with one length scale a dimension (Rasmussen & Williams 2006; expected improvement as in Snoek et al. 1206.2944), its scales by the
most probable value under priors that grow with the dimensions (Hvarfner et al. 2402.02229). A batch is chosen one by one, each point believed to
come out as well as the best (constant liar, Ginsbourger et al. 2010). It is told ranks as normal scores, so that trials dropped early and diverged ones have a place too.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MOST = 256
"""Trials it learns from at most: half of them the best, the others spread over the ranks."""
SPREAD, NEAR, ROUNDS, BEST, STEP, MOVED = 1024, 512, 3, 5, 0.07, 0.7
"""Candidates drawn evenly; those drawn near the best few, round after round; their step in the cube and the share of settings moved."""
TINY = 1e-12
NOISE = (-4.0, 1.5)
"""Prior of the log of the noise's share: mean and standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """A Gaussian process given `points` [n, d] of the cube and `targets` [n]; variances and length scales [d] are logarithms."""

    points: np.ndarray
    targets: np.ndarray
    scales: np.ndarray
    amplitude: float
    noise: float

    def factor(self) -> np.ndarray:
        """Lower Cholesky factor [n, n] of the covariance of noisy targets; raises LinAlgError where there is none."""
        covariance = self.kernel(self.points, self.points)
        return np.linalg.cholesky(covariance + math.exp(self.noise) * np.eye(len(covariance)))

    def kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Matern 5/2 covariance [len(a), len(b)] without noise."""
        a, b = a / np.exp(self.scales), b / np.exp(self.scales)
        square = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
        r = np.sqrt(5 * np.maximum(square, 0.0))
        return math.exp(self.amplitude) * (1 + r + r * r / 3) * np.exp(-r)

    def log_likelihood(self) -> float:
        """Log marginal likelihood of the targets (eq. 2.30 of Rasmussen & Williams)."""
        lower = self.factor()
        white = np.linalg.solve(lower, self.targets)
        return float(-0.5 * white @ white - np.log(np.diag(lower)).sum() - 0.5 * len(white) * math.log(2 * math.pi))

    def posterior(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [len(q)] at some points, and their covariance with the white targets [n, len(q)], whose squares' sum the variance loses."""
        lower = self.factor()
        shared = np.linalg.solve(lower, self.kernel(self.points, q))
        return shared.T @ np.linalg.solve(lower, self.targets), shared


def fitted(points: np.ndarray, targets: np.ndarray) -> Surrogate:
    """The surrogate of highest posterior density: log-normal priors on length scales (median 0.7 sqrt(d)), amplitude and noise."""
    from scipy.optimize import minimize

    d = points.shape[1]
    middle = math.log(0.7 * math.sqrt(d))

    def at(theta: np.ndarray) -> Surrogate:
        return Surrogate(points=points, targets=targets, scales=theta[:d], amplitude=float(theta[d]), noise=float(theta[d + 1]))

    def loss(theta: np.ndarray) -> float:
        prior = ((theta[:d] - middle) ** 2).sum() + theta[d] ** 2 + ((theta[d + 1] - NOISE[0]) / NOISE[1]) ** 2
        try:
            return 0.5 * float(prior) - at(theta).log_likelihood()
        except np.linalg.LinAlgError:
            return 1e9

    start = np.concatenate([np.full(d, middle), [0.0, NOISE[0]]])
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-3.0, 4.0)] * d + [(-3.0, 3.0), (-9.0, 0.0)], options={"maxiter": 30})
    return at(found.x)


def expected_improvement(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """What a normal of this mean and sd falls below `best` by, on average."""
    from scipy.special import ndtr

    z = (best - mean) / sd
    return (best - mean) * ndtr(z) + sd * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def normal_scores(count: int) -> np.ndarray:
    """Normal quantiles at (rank + 1/2) / count, the best first and lowest: float64 [count]."""
    from scipy.special import ndtri

    return ndtri((np.arange(count) + 0.5) / count)


def propose(cube: np.ndarray, ranked: Sequence[int], count: int, seed: int, settle: Callable[[np.ndarray], np.ndarray] = lambda rows: rows) -> np.ndarray:
    """`count` fresh points float64 [count, d], learned from points of the cube [n, d] whose numbers are `ranked` best first; the same input and seed give the same points.

    `settle` moves points to the one that stands for all points of their configuration; no settled point is proposed again while others are left.
    """
    points, scores = settle(cube)[list(ranked)], normal_scores(len(ranked))
    held = np.unique(np.concatenate([np.arange(len(points))[: MOST // 2], np.linspace(0, len(points) - 1, MOST // 2).astype(int)]))
    model = fitted(points[held], scores[held])
    source, d = np.random.default_rng(seed), cube.shape[1]
    least = float(model.posterior(model.points)[0].min())
    offered, leading = settle(source.random((SPREAD, d))), points[:BEST]
    for _ in range(ROUNDS):  # each round starts from the best of the one before, so that it can walk beyond what was tried
        moved = leading[source.integers(0, len(leading), NEAR)] + STEP * source.standard_normal((NEAR, d)) * (source.random((NEAR, d)) < MOVED)
        offered = np.concatenate([offered, settle(np.clip(moved, 0.0, 1.0))])
        mean, shared = model.posterior(offered)
        variance = math.exp(model.amplitude) - (shared**2).sum(0)
        leading = offered[np.argsort(-expected_improvement(mean, np.sqrt(np.maximum(variance, TINY)), least), kind="stable")[:BEST]]
    taken = (offered[:, None] == points).all(-1).any(1) if d * len(points) * len(offered) < 5e7 else np.zeros(len(offered), bool)
    out = []
    for _ in range(count):
        gain = np.where(taken, -1.0, expected_improvement(mean, np.sqrt(np.maximum(variance, TINY)), least))
        pick = int(gain.argmax())
        out.append(offered[pick])
        taken |= (offered == offered[pick]).all(1)
        row = model.kernel(offered[pick : pick + 1], offered)[0] - shared[:, pick] @ shared
        spread = math.sqrt(max(variance[pick], TINY) + math.exp(model.noise))
        row /= spread
        shared, variance, mean = np.concatenate([shared, row[None]]), variance - row * row, mean + row * (least - mean[pick]) / spread
    return np.array(out).reshape(count, d)
