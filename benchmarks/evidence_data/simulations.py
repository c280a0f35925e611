"""Coverage of intervals, luck of the best, false gains, false drift alarms: our statistics against simulation."""

from functools import partial

import numpy as np

from phasewise.stats import adoption, optimism
from phasewise.stats.drift import compare_columns, domain
from phasewise.stats.intervals import interval
from phasewise.stats.paired import difference, two_level
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score
from phasewise.stats.sequential import Stage


def _binary(rng: np.random.Generator, n: int, groups: int = 0) -> tuple[np.ndarray, Predictions, np.ndarray | None]:
    """Calibrated scores; with groups, rows of a group share half of their score."""
    logit = rng.normal(0.3, 1.5, n)
    index = None
    if groups:
        index = rng.integers(0, groups, n)
        logit = rng.normal(0.3, 1.1, groups)[index] + rng.normal(0, 1.0, n)
        noise = rng.normal(0, 1.0, groups)[index]
    else:
        noise = 0.0
    y = (rng.random(n) < 1 / (1 + np.exp(-(logit + noise)))).astype(int)
    p = 1 / (1 + np.exp(-logit))
    return y, Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1)), index


def _values(rng: np.random.Generator, n: int) -> tuple[np.ndarray, Predictions, None]:
    y = rng.gamma(3, 1, n)
    return y, Predictions(task="regression", values=y + rng.normal(0, 0.7, n) * (0.5 + 0.2 * y)), None


def coverage(times: int = 800, n: int = 500) -> list[tuple[str, str, float]]:
    """(metric, method, share of intervals that hold the true value); the truth comes from a million rows."""
    out = []
    cases = [("accuracy", 0), ("roc_auc", 0), ("f1_macro", 0), ("balanced_accuracy", 0), ("log_loss", 0), ("average_precision", 0), ("accuracy", 120), ("log_loss", 120), ("rmse", -1), ("mae", -1), ("r2", -1)]
    for metric_id, groups in cases:
        rng = np.random.default_rng(len(metric_id) + groups + 7)
        draw = partial(_values if groups < 0 else _binary, rng)
        if groups > 0:
            # The population has endless groups: the truth comes from as many groups as a sample has, times 2,000.
            y, p, _ = _binary(rng, 1_000_000, 240_000)
        else:
            y, p, _ = draw(1_000_000)
        truth = score(metric_id, y, p)
        hits, method = 0, ""
        for i in range(times):
            y, p, index = _binary(rng, n, groups) if groups > 0 else draw(n)
            low, high, method = interval(metric_id, y, p, groups=index, resamples=500, seed=i)
            hits += low <= truth <= high
        out.append((metric_id + (" in groups" if groups > 0 else ""), method, hits / times))
    return out


def seed_interval_coverage(times: int = 4000) -> float:
    """Share of paired-seed intervals (five seeds) that hold the true gain."""
    from phasewise.stats.paired import seeds

    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(times):
        _, low, high = seeds(rng.normal(0.5, 1, 5), rng.normal(0, 1, 5))
        hits += low <= 0.5 <= high
    return hits / times


def difference_coverage(times: int = 2000, n: int = 500) -> float:
    """Share of paired bootstrap intervals that hold the true difference of two models' log loss."""
    rng = np.random.default_rng(1)

    def draw(size: int):
        y, p, _ = _binary(rng, size)
        logit = np.log(p.proba[:, 1] / p.proba[:, 0]) * 0.7 + rng.normal(0, 0.3, size)
        q = 1 / (1 + np.exp(-logit))
        return y, p, Predictions(task="binary", classes=p.classes, proba=np.stack([1 - q, q], 1))

    y, a, b = draw(1_000_000)
    truth = score("log_loss", y, b) - score("log_loss", y, a)
    hits = 0
    for i in range(times):
        y, a, b = draw(n)
        found = difference("log_loss", y, a, b, resamples=500, seed=i)
        hits += found.low <= truth <= found.high
    return hits / times


def luck(times: int = 20_000) -> list[tuple[int, float, float]]:
    """(k, our estimate, simulated expectation) in standard errors."""
    rng = np.random.default_rng(0)
    return [(k, optimism.best_of_k(k, 1.0), float(rng.normal(size=(times, k)).max(axis=1).mean())) for k in (5, 10, 24, 50, 200)]


def adoption_rates(times: int = 4000) -> list[tuple[str, float, list[tuple[float, float]]]]:
    """(situation, share of their noise the seeds of two models have in common, [(adopted, mean seeds) of: no gain, one look; one sd, one look; the same, two looks]).

    An idea alone knows the noise from its own seeds only; in a round of five, the other four (without a gain) tell it too, over the same seeds of
    the incumbent. One look: five seeds. Two: three more for what is promising and undecided.
    """
    out = []
    for name, ideas in (("an idea alone", 1), ("in a round of five", 5)):
        for share in (0.0, 0.4, 0.6, 0.8):
            rates = [_played(share, gain, ideas, more, times) for more in (0, 3) for gain in (0.0, 1.0)]
            out.append((f"{name}, seeds share {share:.0%}" if share else f"{name}, seeds share nothing", share, rates))
    return out


def _played(share: float, gain: float, ideas: int, more: int, times: int, first: int = 5) -> tuple[float, float]:
    """(share of first ideas adopted, their mean seeds) by the rule of the idea loop, in points of one seed's standard deviation."""
    rng, own, hits, used = np.random.default_rng(3), np.sqrt(1 - share), 0, 0
    for _ in range(times):
        common = rng.normal(0, np.sqrt(share), first + more)
        base = common + own * rng.normal(size=first + more)
        tried = common + own * rng.normal(size=(ideas, first + more))
        tried[0] += gain
        start = Stage(first=first, more=more) if more else None
        short = [row[:first] for row in tried]
        found = _decided(short, base, 0, start)
        if found.hopeful:
            going = [True, *(_decided(short, base, i, start).hopeful for i in range(1, ideas))]
            found = _decided([row if on else row[:first] for row, on in zip(tried, going, strict=True)], base, 0, Stage(first=first, more=more, last=True))
            used += more
        hits, used = hits + found.adopted, used + first
    return hits / times, used / times


def _decided(rows: list[np.ndarray], base: np.ndarray, which: int, stage: Stage | None) -> adoption.Adoption:
    """One idea of a round, its noise shared with the others, as `worker.comparing.decided` does."""
    others = [row - base[: len(row)] for i, row in enumerate(rows) if i != which]
    return adoption.decide(rows[which], base[: len(rows[which])], noise=adoption.pooled(others, beside=True) if others else None, stage=stage)


def _model(rng: np.random.Generator, y: np.ndarray, hard: np.ndarray, accuracy: float) -> Predictions:
    """One seed of a model: mostly the same rows are hard for every seed and model; its accuracy has sd 0.4 points."""
    cut = np.quantile(0.7 * rng.random(20_000) + 0.3 * rng.random(20_000), accuracy + rng.normal(0, 0.004))
    right = 0.7 * hard + 0.3 * rng.random(len(y)) < cut
    p = np.where((y == 1) == right, 0.9, 0.1)
    return Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))


def two_level_rates(times: int = 150, n: int = 1000) -> list[tuple[float, float]]:
    """(true gain in points, share called real) for five seeds of 85 % models with seed sd 0.4 points (checks.md 8.2)."""
    out = []
    for gain in (0.0, 0.01, 0.02, 0.03):
        rng = np.random.default_rng(11)
        real = 0
        for i in range(times):
            y = rng.integers(0, 2, n)
            hard = rng.random(n)

            a, b = ([_model(rng, y, hard, accuracy) for _ in range(5)] for accuracy in (0.85 + gain, 0.85))
            real += two_level("accuracy", y, a, b, resamples=300, seed=i).verdict == "real"
        out.append((100 * gain, real / times))
    return out


def drift_alarms(columns: dict[str, np.ndarray], levels: dict[str, bool], sizes: tuple[int, ...] = (100, 300, 1000), times: int = 200) -> list[tuple[int, float, float]]:
    """(rows, share of i.i.d. batches with a column alarm, with a joint alarm); the joint rule on a quarter of the batches."""
    n = len(next(iter(columns.values())))
    out = []
    for size in sizes:
        rng = np.random.default_rng(size)
        single = joint = tried = 0
        for i in range(times):
            order = rng.permutation(n)
            new, old = order[:size], order[size : size + 10_000]
            single += any(d.drifted for d in compare_columns({c: (v[old], levels[c]) for c, v in columns.items()}, {c: v[new] for c, v in columns.items()}))
            if i % 4 == 0:
                matrix = np.stack(list(columns.values()), 1)
                joint += domain(matrix[old], matrix[new], seed=i).drifted
                tried += 1
        out.append((size, single / times, joint / tried))
    return out


def drift_found(columns: dict[str, np.ndarray], levels: dict[str, bool], column: str, shift_sd: float, size: int, times: int = 40) -> tuple[float, float]:
    """Share of batches in which a shift of one column is found by the column rule and by the joint rule."""
    rng = np.random.default_rng(9)
    n = len(columns[column])
    single = joint = 0
    for i in range(times):
        order = rng.permutation(n)
        new, old = order[:size], order[size : size + 10_000]
        moved = {c: v[new] + (shift_sd * np.nanstd(v) if c == column else 0) for c, v in columns.items()}
        single += any(d.drifted for d in compare_columns({c: (v[old], levels[c]) for c, v in columns.items()}, moved))
        joint += domain(np.stack([v[old] for v in columns.values()], 1), np.stack(list(moved.values()), 1), seed=i).drifted
    return single / times, joint / times
