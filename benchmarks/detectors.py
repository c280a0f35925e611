"""All detectors in one table: hit rate on planted faults, false alarms on clean cases (requirements.md section 0, rule 4).

`python -m benchmarks.detectors` calls the functions that the app calls and writes `benchmarks/results/detectors.md`. The planted cases live beside the
tests that use them. Data checks have a table of their own (`make evidence-data`). Every case is ours, so these are development figures.
"""

import gzip
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OUT = Path(os.environ.get("PHASEWISE_RESULTS") or ROOT / "benchmarks" / "results") / "detectors.md"
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
for _part in ("engine_techniques", "stats", "checks"):
    sys.path.insert(0, str(ROOT / "tests" / _part))

Row = tuple[str, str, str, str, str, bool]
"""Detector, rows, hits, false alarms, note, whether its target is kept."""


def share(count: float, total: float) -> str:
    """`3 of 4 (75 %)`."""
    return f"{count:g} of {total:g} ({count / total:.0%})" if total else "none"


def checkup() -> list[Row]:
    """Network check-up by mutation (B03-B05, V01)."""
    from test_checkup import BUGS, sound

    from phasewise.engine.checkup import run_case

    said = [{v.verdict for v in run_case(make())[0]} for make in BUGS.values()]
    caught, warned = sum(bool(s - {"pass"}) for s in said), sum("fail" not in s and "warn" in s for s in said)
    cases = sound()
    accused = sum(any(v.verdict != "pass" for v in run_case(c)[0]) for c in cases.values())
    return [("network check-up: planted bugs against sound networks", "B03-B05, V01", share(caught, len(BUGS)), share(accused, len(cases)), f"one case each; {warned} bug(s) by a warning, the others by a red check", caught >= 12 and accused == 0)]


def watch() -> list[Row]:
    """Gradient and activation bounds during training (V03, V11, V12)."""
    from test_watch import CLEAN, FAULTS, run

    found = sum(bool({s[0] for s in run(spec, train, scale)} & set(expected)) for spec, train, scale, expected in FAULTS.values())
    loud = sum(bool(run(spec, train)) for spec, train in CLEAN.values())
    return [("watch: exploding, vanishing, dead, saturated, step too large", "V03, V11, V12", share(found, len(FAULTS)), share(loud, len(CLEAN)), "digits, 12 epochs", found == len(FAULTS) and loud == 0)]


def diagnosis() -> tuple[list[Row], list[str]]:
    """The confusion table of the diagnosis (V07, V08, V13)."""
    from test_diagnosis import CASES

    from phasewise.stats.diagnosis import diagnose, overfitting

    names = ("high_bias", "high_variance", "both", "optimisation_failure", "healthy")
    counts = np.zeros((len(names), len(names)), int)
    for _, wanted, made in CASES:
        counts[names.index(wanted), names.index(diagnose(**made()).verdict)] += 1
    right, sick = int(np.trace(counts)), counts[:-1]
    lines = ["| planted \\ said | " + " | ".join(n.replace("_", " ") for n in names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {n.replace('_', ' ')} | " + " | ".join(str(c) for c in row) + " |" for n, row in zip(names, counts, strict=True)]
    rng = np.random.default_rng(0)
    steps = np.arange(1, 60)
    rising = sum(overfitting(1 / steps, 1 / np.minimum(steps, 15) + 0.02 * np.maximum(steps - 15, 0) + rng.normal(0, 0.01, 59)) for _ in range(100))
    flat = sum(overfitting(1 / steps, 1 / steps + 0.3 + rng.normal(0, 0.01, 59)) for _ in range(100))
    rows: list[Row] = [
        ("diagnosis: bias, variance, both, optimisation failure against healthy", "V07, V08", share(int(np.trace(sick[:, :-1])), int(sick.sum())), share(int(counts[-1, :-1].sum()), int(counts[-1].sum())), f"{right} of {len(CASES)} right", right >= 0.9 * len(CASES)),
        ("over-fitting seen on the curves", "V13", share(rising, 100), share(flat, 100), "noise sd 0.01 on the loss", rising >= 90 and flat <= 5),
    ]
    return rows, lines


def _adult(rng: np.random.Generator, most: int) -> tuple[dict[str, np.ndarray], np.ndarray, Any] | None:
    """Columns, labels and held-out predictions of boosted trees on adult; None without the file."""
    import polars as pl
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.preprocessing import OrdinalEncoder

    from phasewise.stats.predictions import Predictions

    path = DATA / "adult" / "train.csv.gz"
    if not path.is_file():
        return None
    table = pl.read_csv(gzip.decompress(path.read_bytes()), null_values=["?"])
    y = (table["income"] == ">50K").to_numpy().astype(int)
    inputs = table.drop("income", "fnlwgt")
    words = [c for c in inputs.columns if inputs[c].dtype == pl.String]
    coded = OrdinalEncoder().fit_transform(inputs.select(words).fill_null("missing").to_numpy())
    x = np.hstack([inputs.drop(words).to_numpy().astype(float), coded])
    order = rng.permutation(len(y))
    train, held = order[:16_000], order[16_000 : 16_000 + most]
    proba = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(x[train], y[train]).predict_proba(x[held])
    columns = {c: (np.array(inputs[c][held].to_list(), dtype=object) if c in words else inputs[c][held].to_numpy()) for c in inputs.columns}
    return columns, y[held], Predictions(task="binary", classes=("<=50K", ">50K"), proba=proba)


def slices_found() -> list[Row]:
    """A tenth of the rows with shuffled labels is ranked first; nothing is found when columns say nothing (V04)."""
    from phasewise.worker.inspecting.slices import find

    made = _adult(np.random.default_rng(0), 6000)
    if made is None:
        return [("slices: planted on adult", "V04", "", "", "the data set is not here", False)]
    columns, y, said = made
    planted = [(c, v, np.array([x == v for x in columns[c]])) for c in ("occupation", "workclass", "marital_status", "education", "relationship") for v in sorted({str(x) for x in columns[c] if x is not None})]
    planted = [(c, v, m) for c, v, m in planted if 0.07 <= m.mean() <= 0.16]
    first = seen = 0
    right = said.labels()
    for i, (c, v, mask) in enumerate(planted):
        rng = np.random.default_rng(i)
        even = np.where(rng.random(len(y)) < 0.13, 1 - right, right)  # as many errors as on adult, the same everywhere
        real = y.copy()
        even[mask] = real[mask] = rng.permutation(np.arange(mask.sum()) % 2)  # labels without any relation to the inputs
        found = find("accuracy", even, said, columns)
        first += bool(found) and found[0].significant and found[0].name == f"{c} = {v}"
        seen += any(r.name == f"{c} = {v}" and r.significant and r.harm > 0 for r in find("accuracy", real, said, columns))
    false = 0
    for seed in range(100):
        rng = np.random.default_rng(1000 + seed)
        pick = rng.permutation(len(y))[:1500]
        shuffled = {c: v[rng.permutation(len(y))[:1500]] for c, v in columns.items()}
        false += any(r.significant for r in find("accuracy", y[pick], said.take(pick), shuffled) if not r.name.startswith("class = "))
    return [("slices: a tenth of adult with shuffled labels ranked first; 100 shuffles of the columns", "V04", share(first, len(planted)), share(false, 100), f"accuracy; columns and their pairs, one family of tests; among adult's own errors, where married rows hold more harm, it is significant in {seen} of {len(planted)}", first == len(planted) and false <= 5)]


def adopted() -> list[Row]:
    """No-op and one-sd ideas over five seeds, three more where promising (B07)."""
    from benchmarks.evidence_data.simulations import adoption_rates

    from phasewise.stats.normal import cdf, quantile

    times, rows = 2000, []
    most = 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5  # a rate of exactly 5 % is over it once in forty simulations
    for name, shared, (none_once, one_once, none, one) in adoption_rates(times):
        limit = cdf((8 / (2 * (1 - shared))) ** 0.5 - quantile(0.95))
        note = (
            f"{times:,} simulated ideas each; {none[1]:.1f} seeds on average without a gain, {one[1]:.1f} with one; five seeds alone: {one_once[0]:.1%} and {none_once[0]:.1%}; "
            f"a z test of all eight seeds that knows the noise exactly: {limit:.1%}"
        )
        rows.append((f"adoption over five seeds, three more where promising: {name}", "B07", f"{one[0]:.1%} of gains of one sd", f"{none[0]:.1%} of no-ops", note, none[0] <= most and one[0] >= 0.8))
    return rows


def labels() -> list[Row]:
    """Flipped labels of digits in the review queue (D18)."""
    import polars as pl
    from sklearn.datasets import load_digits

    from phasewise.checks.labels import queue
    from phasewise.checks.table import CheckTable

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    flipped = rng.random(len(y)) < 0.1

    def doubted(target: np.ndarray) -> list[Any]:
        frame = pl.DataFrame({f"p{i}": x[:, i] for i in range(64)}).with_columns(pl.Series("target", [f"d{v}" for v in target]))
        return queue(CheckTable(frame=frame, target="target", task="multiclass"), limit=len(y))

    top = [d.row for d in doubted(np.where(flipped, (y + rng.integers(1, 10, len(y))) % 10, y))[: int(flipped.sum())]]
    hit = int(flipped[top].sum())
    return [("label errors: 10 % of digits flipped, as many rows looked at", "D18", share(hit, int(flipped.sum())), share(len(top) - hit, len(top)), "false alarms: rows looked at in vain", hit > 0.6 * flipped.sum())]


def drift() -> list[Row]:
    """Drift of one column of ten, and batches of the same distribution (E06)."""
    from benchmarks.evidence_data.simulations import drift_alarms, drift_found

    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=12_000) for i in range(8)} | {f"c{i}": rng.integers(0, 5, 12_000).astype(float) for i in range(2)}
    levels = {c: c.startswith("c") for c in columns}
    false = drift_alarms(columns, levels, sizes=(500,), times=100)[0]
    one, joint = drift_found(columns, levels, "x0", 0.5, 500, times=40)
    return [
        ("drift of one column by half a sd, 500 rows", "E06, D03", f"{one:.0%} of 40", f"{false[1]:.1%} of 100", "any of ten columns counts as an alarm", one >= 0.8 and false[1] <= 0.05),
        ("domain classifier, the same batches", "E06", f"{joint:.0%} of 40", f"{false[2]:.1%} of 25", "one column of ten moved: the joint rule is the weaker one", false[2] <= 0.05),
    ]


def calibration_found() -> list[Row]:
    """Over-confident probabilities against calibrated ones (V05)."""
    from phasewise.stats.calibration import calibration
    from phasewise.stats.predictions import Predictions

    rng = np.random.default_rng(0)

    def one(sharper: float, n: int = 1000) -> bool:
        logit = rng.normal(0, 1.5, n)
        y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
        p = 1 / (1 + np.exp(-sharper * logit))
        return bool(calibration(y, Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1))).miscalibrated)

    hits, false = sum(one(2.0) for _ in range(100)), sum(one(1.0) for _ in range(100))
    return [("miscalibration: logits twice too large, 1,000 rows", "V05, D04", share(hits, 100), share(false, 100), "expected calibration error against its floor", hits >= 90 and false <= 10)]


def ladder() -> list[Row]:
    """The minimal-model ladder stops at the planted step (B06)."""
    from phasewise.engine.minimal import climb, simplifications
    from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
    from phasewise.stats.normal import t_quantile

    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[32, 32], dropout=[0.2, 0.2]), train=TrainSpec(weight_decay=0.01, label_smoothing=0.1, schedule="cosine"))
    steps = simplifications(config, 1000, 100)

    def once(seed: int, planted: int | None) -> str:
        rng, count = np.random.default_rng(seed), [-1]

        def fit_once(_config: Any, _rows: int | None) -> list[float]:
            count[0] += 1
            lost = 0.03 if planted is not None and count[0] > planted else 0.0
            return list(0.85 - lost + rng.normal(0, 0.005, 5))

        return climb(config, steps, fit_once, maximize=True, sigmas=t_quantile(0.99, 4), least=0.005).suspect

    right = sum(once(i, i % len(steps)) == steps[i % len(steps)].id for i in range(300))
    false = sum(bool(once(10_000 + i, None)) for i in range(300))
    return [("minimal-model ladder: a step that costs 3 points stops it exactly there", "B06", share(right, 300), share(false, 300), f"{len(steps)} steps, 5 seeds of sd 0.5 points, simulated", right >= 270 and false <= 30)]


def objective() -> list[Row]:
    """Do the inputs hold the answer? Permuted labels (T24)."""
    from phasewise.stats.predictions import Predictions
    from phasewise.worker.jobs.ladder import permutation_p

    rng = np.random.default_rng(0)

    def one(strength: float, n: int = 200) -> bool:
        y = rng.integers(0, 2, n)
        p = 1 / (1 + np.exp(-(rng.normal(size=n) + strength * (y - 0.5))))
        return permutation_p("roc_auc", y, Predictions(task="binary", classes=("a", "b"), proba=np.stack([1 - p, p], 1)), times=199) <= 0.05

    silent, heard = sum(not one(0.7) for _ in range(60)), sum(one(0.0) for _ in range(100))
    return [("objective gate: a weak signal (AUC 0.69, 200 rows) is heard; random labels are not", "T24", share(60 - silent, 60), share(heard, 100), "permutation test on held-out rows, 5 %", silent <= 6 and heard <= 10)]


def walks() -> list[Row]:
    """Does a forecast know more than the last value? Random walks and series with a season (T25)."""
    from phasewise.stats.series import judge

    def one(seed: int, season: float, n: int = 400, lags: int = 5) -> bool:
        rng = np.random.default_rng(seed)
        y = np.cumsum(rng.normal(size=n)) + season * np.sin(np.arange(n) * 2 * np.pi / 12)
        x = np.stack([np.ones(n - lags), *(y[lags - i - 1 : n - i - 1] for i in range(lags))], 1)
        cut = 3 * n // 4 - lags
        weights, *_ = np.linalg.lstsq(x[:cut], y[lags:][:cut], rcond=None)
        return judge(y[lags:][cut:], x[cut:] @ weights, x[cut:, 1], y, resamples=300).noise

    walked, accused = sum(one(i, 0.0) for i in range(100)), sum(one(1000 + i, 4.0) for i in range(100))
    return [("series gate: random walks against walks with a season, linear model on 5 lags", "T25", share(walked, 100), share(accused, 100), "400 values, the last quarter judged", walked >= 90 and accused <= 10)]


def luck() -> list[Row]:
    """Best-of-K luck against simulation (E04)."""
    from benchmarks.evidence_data.simulations import luck as simulated

    worst = max(abs(ours / true - 1) for k, ours, true in simulated(5000) if k >= 10)
    return [("best-of-K luck against simulation, K = 10 to 200", "E04", f"within {worst:.1%}", "", "no detector: an estimate", worst <= 0.05)]


def main() -> None:
    """Runs every detector and writes the table."""
    rows: list[Row] = []
    confusion: list[str] = []
    seconds: dict[str, float] = {}
    parts: list[Callable[[], Any]] = [checkup, watch, diagnosis, slices_found, adopted, labels, drift, calibration_found, ladder, objective, walks, luck]
    for part in parts:
        began = time.perf_counter()
        made = part()
        if isinstance(made, tuple):
            made, confusion = made
        rows += made
        seconds[part.__name__] = time.perf_counter() - began
        print(f"{part.__name__}: {seconds[part.__name__]:.1f} s", *made, sep="\n  ", flush=True)
    lines = [
        "# Detectors: hits on planted faults, false alarms on clean cases", "",
        f"Written by `python -m benchmarks.detectors` in {sum(seconds.values()):.0f} s on a machine of 2 cores without a GPU, shared with other work.",
        "The functions are those the app calls. Data checks have their own table in `evidence-data.md`. Target: what the requirement row asks for, where it names a number.", "",
        "| detector | rows | hits | false alarms | note | target kept |", "|---|---|---|---|---|---|",
        *(f"| {name} | {where} | {hits} | {false} | {note} | {'yes' if kept else 'NO'} |" for name, where, hits, false, note, kept in rows),
        "", "## Diagnosis, planted against said", "", *confusion,
    ]
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
