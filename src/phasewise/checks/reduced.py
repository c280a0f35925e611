"""What principal components cost or bring a simple model: the offer's effect, measured before it is taken (D10)."""

import numpy as np

from phasewise.checks.table import CheckTable

ROWS = 3_000
FOLDS = 5
WIDEST = 300


def effect(table: CheckTable, matrix: np.ndarray, rows: np.ndarray, shares: tuple[float, ...] = (0.90, 0.95, 0.99)) -> list[dict[str, float]] | None:
    """Score of a linear model on number columns [m, d] with all of them and with the components that keep each share of the variance.

    Out of fold on at most 3,000 training rows; scaling and components are fitted inside each fold. Per share: `share`, mean
    `components`, `score`, `difference` to all columns with `low`, `high` (paired bootstrap of rows, positive = components better).
    None where a fold cannot hold every class, or for more than 300 columns.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    from phasewise.stats.paired import difference
    from phasewise.stats.predictions import Predictions
    from phasewise.stats.scores import score

    y = table.facts.y[rows]
    known = y >= 0 if table.classification else np.isfinite(y)
    matrix, y = matrix[known], y[known]
    if len(y) > ROWS:
        pick = np.sort(np.random.default_rng(table.seed).permutation(len(y))[:ROWS])
        matrix, y = matrix[pick], y[pick]
    if matrix.shape[1] > WIDEST or len(y) < 10 * FOLDS or (table.classification and (np.bincount(y)[np.unique(y)] < FOLDS).any()):
        return None
    classes = tuple(str(c) for c in np.unique(y)) if table.classification else ()
    codes = np.unique(y, return_inverse=True)[1] if table.classification else y
    maker = (lambda: LogisticRegression(max_iter=300)) if table.classification else Ridge
    cut = StratifiedKFold if table.classification else KFold
    folds = list(cut(FOLDS, shuffle=True, random_state=table.seed).split(matrix, codes))

    def judged(share: float | None) -> tuple[Predictions, float]:
        out = np.zeros((len(codes), len(classes))) if classes else np.zeros(len(codes))
        counts = []
        for fit, held in folds:
            steps = [StandardScaler(), *([PCA(share, svd_solver="full")] if share else []), maker()]
            model = make_pipeline(*steps).fit(matrix[fit], codes[fit])
            out[held] = model.predict_proba(matrix[held]) if classes else model.predict(matrix[held])
            counts.append(model[1].n_components_ if share else matrix.shape[1])
        return Predictions(task=table.task, classes=classes, proba=out if classes else None, values=None if classes else out), float(np.mean(counts))

    metric = metric_of(table)
    truth = codes.astype(np.int64) if classes else codes
    with threadpool_limits(1):
        whole, count = judged(None)
        found = [{"share": 1.0, "components": count, "score": score(metric, truth, whole)}]
        for share in shares:
            less, count = judged(share)
            gap = difference(metric, truth, less, whole, resamples=500)
            found.append({"share": share, "components": count, "score": score(metric, truth, less), "difference": gap.value, "low": gap.low, "high": gap.high})
    return found


def metric_of(table: CheckTable) -> str:
    """The metric the effect is told in: the area under the curve, accuracy, or R2."""
    return {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}[table.task]


def told(metric: str, found: list[dict[str, float]]) -> str:
    """The effect as a sentence."""
    from phasewise.records.metrics import METRICS

    parts = [f"{row['components']:.0f} components ({row['share']:.0%}) {row['score']:.4f} ({row['difference']:+.4f}, 95 % {row['low']:+.4f} to {row['high']:+.4f})" for row in found[1:]]
    return f" A linear model on these columns: {METRICS[metric].title} {found[0]['score']:.4f} with all; with {'; '.join(parts)}."
