"""What a job may need to know of earlier runs when its own fields do not say: references for a diagnosis, candidates' luck, the last look."""

from typing import Any

import numpy as np

from phasewise.records.metrics import metric
from phasewise.records.results import Score
from phasewise.stats.optimism import candidate_correlation
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import row_losses, score
from phasewise.worker import arrays


def finished(project: Any, kind: str) -> list[tuple[Any, dict[str, Any]]]:
    """Finished runs of a kind with their results, oldest first."""
    out = []
    for run in project.runs.list():
        if run.id.endswith(f"-{kind}"):
            result = run.result()
            if result is not None:
                out.append((run, result))
    return out


SCORING = ("baselines", "fit", "ladder", "try_ideas", "search", "ablate", "combine", "prune")


def scored(project: Any) -> int:
    """Validation scores that were seen since the parts were last drawn: models and trials of finished runs."""
    count = 0
    for run in project.runs.list():
        kind, result = run.id.partition("-")[2], run.result()
        if result is None:
            continue
        if kind == "split":
            count = 0
        elif kind in SCORING:
            count += int(result.get("evaluations") or len(result.get("models") or [])) or 1
    return count


def best_baseline(project: Any, metric_id: str) -> Score | None:
    """Validation score of the best real baseline of the newest baselines run on this metric."""
    for _, result in reversed(finished(project, "baselines")):
        found = [m for m in result.get("models", []) if m.get("family") != "dummy" and m["validation"]["metric"] == metric_id]
        if found:
            sign = 1 if metric(metric_id).maximize else -1
            return Score.model_validate(max(found, key=lambda m: sign * m["validation"]["value"])["validation"])
    return None


def goal_of(project: Any) -> float | None:
    """The target in the answers, or None."""
    try:
        value = project.settings.load().get("goals", {}).get("target")
    except Exception:  # noqa: BLE001 - a broken answers file must not stop a training run; the session reports it
        return None
    return float(value) if isinstance(value, int | float) else None


def last_look(project: Any, model: str) -> tuple[Score, int] | None:
    """Test score and generation of the newest opening with this model (aggregates only)."""
    for run, result in reversed(finished(project, "open_vault")):
        if run.job().model == model:
            return Score.model_validate(result["test"]), int(result.get("generation", 1))
    return None


def first_look(project: Any, generation: int) -> Score | None:
    """Test score of the first opening of a generation: the headline."""
    return next((Score.model_validate(r["test"]) for _, r in finished(project, "open_vault") if int(r.get("generation", 1)) == generation), None)


def opened_models(project: Any, generation: int) -> list[str]:
    """The candidates that were opened in a generation, without the baselines they were compared with."""
    return [run.job().model for run, r in finished(project, "open_vault") if int(r.get("generation", 1)) == generation]


def luck_correlation(project: Any, metric_id: str, rows: np.ndarray, most: int = 60) -> float | None:
    """Mean correlation of row losses between stored candidates on these rows; None with fewer than three."""
    columns = []
    for run in reversed(project.runs.list()):
        for path in sorted(run.arrays_dir.glob("*.npz")):
            if path.name.startswith((".", "finding-")) or len(columns) >= most:
                continue
            try:
                held = arrays.load(run.arrays_dir, path.stem).at(rows)
                columns.append(row_losses(metric_id, held.y, held.predictions))
            except (KeyError, ValueError, arrays.RunError):
                continue
    return candidate_correlation(np.stack(columns, 1)) if len(columns) >= 3 else None


def constant(y_train: np.ndarray, task: str, classes: tuple[str, ...], n: int) -> Predictions:
    """What a constant predictor says on n rows: class shares or the mean of the training rows."""
    if task == "regression":
        return Predictions(task=task, values=np.full(n, float(np.mean(y_train))))
    share = np.bincount(y_train.astype(int), minlength=len(classes)) / len(y_train)
    return Predictions(task=task, classes=classes, proba=np.tile(share, (n, 1)))


def trivial(metric_id: str, y: np.ndarray, train: np.ndarray, task: str, classes: tuple[str, ...]) -> float:
    """The metric of a constant predictor on the training rows."""
    return score(metric_id, y[train], constant(y[train], task, classes, len(train)))
