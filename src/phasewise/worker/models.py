"""Outcomes made into model folders and model results: score, cost, size, digest, stored predictions."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.records.errors import RunError, UsageError
from phasewise.records.models import ModelConfig
from phasewise.records.results import ModelResult, Score
from phasewise.stats import conformal
from phasewise.stats.scores import all_scores
from phasewise.worker import arrays
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench
from phasewise.worker.context import RunContext
from phasewise.worker.trials import FoldOutcome, Outcome
from phasewise.worker.versus import against_baseline


def digest(folder: Path) -> str:
    """SHA-256 over relative names and contents of every file of a model folder: the frozen candidate's hash (7.4)."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def size_mb(folder: Path) -> float:
    """Megabytes of a model folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def take(table: Any, rows: np.ndarray) -> Any:
    """Rows of a table or image set by number."""
    return table.take(rows) if hasattr(table, "take") else table[rows]


def latency_ms(predictor: Any, table: Any, rows: np.ndarray, *, repeats: int = 50, limit: float = 1.0) -> float:
    """Median milliseconds to predict one row, over at most `repeats` rows and `limit` seconds (X11)."""
    spent: list[float] = []
    began = time.perf_counter()
    for i in range(repeats + 1):
        one = take(table, rows[i % len(rows) : i % len(rows) + 1])
        start = time.perf_counter()
        predictor.predict(one)
        spent.append(time.perf_counter() - start)
        if time.perf_counter() - began > limit and i:
            break
    return 1000 * float(np.median(spent[1:]))


def _parameters(fold: FoldOutcome) -> int:
    return sum(int(t.numel()) for t in fold.member.state.values())


def save_fold(bench: Bench, outcome: Outcome, fold: FoldOutcome, folder: Path, card: dict[str, Any]) -> None:
    """One member as a self-contained network folder."""
    folder.mkdir(parents=True, exist_ok=True)
    bench.kind.room("predictor").save_network(folder, state=fold.member.state, config=outcome.trial.config, info=fold.info, preparing=fold.stage.preparing, card=card)


def save(ctx: RunContext, bench: Bench, outcome: Outcome, name: str, *, measure: bool = True) -> ModelResult:
    """A trial as a model folder with its result and stored validation predictions.

    With folds the model that ships is the average of the fold models; its validation score comes from out-of-fold rows, each
    predicted by the one member that has not seen it (so it judges one member, and the average can only be better in expectation).
    """
    if not outcome.finite:
        raise RunError("the network's predictions are not finite numbers", f"Training of {name!r} ended as {outcome.stopped!r}.", "Lower the learning rate or clip gradients, then train again.")
    ctx.require_room(_bytes(outcome))
    folder = ctx.model_dir(name)
    validation, threshold = outcome.decided(bench)
    held = outcome.stored
    card = {"name": name, "metric": bench.metric, "threshold": threshold, "source": f"{ctx.run.id}/{name}", "seed": outcome.trial.seed, "sets": conformal.promise(held.y, held.predictions)}
    if len(outcome.folds) == 1:
        save_fold(bench, outcome, outcome.folds[0], folder, card)
    else:
        inside = [folder.parent / f".{name}-f{f.stage.fold}" for f in outcome.folds]
        for fold, place in zip(outcome.folds, inside, strict=True):
            save_fold(bench, outcome, fold, place, {**card, "name": f"{name}-f{fold.stage.fold}"})
        bench.kind.room("predictor").save_ensemble(folder, members=[(p, 1 / len(inside)) for p in inside], method="average", card=card)
        for place in inside:
            shutil.rmtree(place)
    arrays.save(ctx.run.arrays_dir, name, rows=held.rows, y=held.y, predictions=held.predictions)
    config = outcome.trial.config
    return ModelResult(
        ref=f"{ctx.run.id}/{name}", name=name, family=config.network.family, source="network", train=outcome.train_score(bench, threshold),
        validation=validation, others=all_scores(held.y, held.predictions, threshold=threshold), seconds=outcome.seconds,
        parameters=_parameters(outcome.folds[0]), size_mb=size_mb(folder), latency_ms=latency_of(bench, folder) if measure else None, seed=outcome.trial.seed,
        threshold=threshold, config=config.model_dump(mode="json"), versus=against_baseline(ctx.project, bench, held) if measure else None, digest=digest(folder),
    )


def _bytes(outcome: Outcome) -> int:
    """Room a model and its folds need, with 1 MB to spare: safetensors writes through a mapping, so a full disk would kill the process without a word."""
    weights = sum(t.numel() * t.element_size() for f in outcome.folds for t in f.member.state.values())
    return (2 if len(outcome.folds) > 1 else 1) * weights + 1_000_000


def latency_of(bench: Bench, folder: Path) -> float:
    """Milliseconds a row of a saved model, loading left out."""
    return latency_ms(bench.kind.room("predictor").load(folder), bench.dev.table, bench.splits[0][1])


def summary(ctx: RunContext, bench: Bench, outcome: Outcome, name: str) -> ModelResult:
    """The numbers of a trial whose model is not kept: predictions are stored, there is no folder."""
    held = outcome.stored
    arrays.save(ctx.run.arrays_dir, name, rows=held.rows, y=held.y, predictions=held.predictions)
    return ModelResult(
        ref=f"{ctx.run.id}/{name}", name=name, family=outcome.trial.config.network.family, train=outcome.train_score(bench), validation=outcome.validation_score(bench),
        seconds=outcome.seconds, parameters=_parameters(outcome.folds[0]), seed=outcome.trial.seed, config=outcome.trial.config.model_dump(mode="json"),
    )


def folder_of(project: Any, ref: str) -> Path:
    """The folder of a model reference `<run-id>/<name>`; a UsageError when it does not exist or points elsewhere."""
    run_id, _, name = ref.partition("/")
    if not run_id or not name or "/" in name or name.startswith(".") or ".." in ref:
        raise UsageError(f"{ref!r} is not a model reference", "A model is named RUN/NAME.", "Take one from `phasewise runs`.")
    folder = project.runs.get(run_id).models_dir / name
    if not (folder / "card.json").is_file():
        raise UsageError(f"there is no model {ref!r}", f"{folder.name} of run {run_id} holds no card.", "Take one from `phasewise runs`.")
    return folder


def stored_of(project: Any, ref: str) -> Stored | None:
    """Stored validation predictions of a model, or None when its run kept none."""
    run_id, _, name = ref.partition("/")
    folder = project.runs.get(run_id).arrays_dir
    return arrays.load(folder, name) if (folder / f"{name}.npz").is_file() else None


def validation_of(project: Any, bench: Bench, ref: str) -> Stored:
    """Validation predictions of a model: stored ones, else computed (refused with folds, where the model has seen the rows)."""
    found = stored_of(project, ref)
    if found is not None:
        return found
    if bench.dev.folds is not None:
        raise RunError(f"no out-of-fold predictions of {ref} are stored", "With folds a final model has seen every validation row.", "Run the job that made it again.")
    rows = bench.splits[0][1]
    predictor = bench.kind.room("predictor").load(folder_of(project, ref))
    return Stored(rows=rows, y=np.asarray(bench.dev.y)[rows], predictions=predictor.predict(take(bench.dev.table, rows)))


def result_of(project: Any, bench: Bench, ref: str) -> ModelResult:
    """The model result that a run recorded for a reference, else one made from its stored predictions."""
    run = project.runs.get(ref.partition("/")[0])
    for found in _models_in(run.result() or {}):
        if found.get("ref") == ref:
            return ModelResult.model_validate(found)
    held = validation_of(project, bench, ref)
    from phasewise.stats.intervals import judged

    folder = folder_of(project, ref)
    card = bench.kind.room("predictor").load(folder).card
    value: Score = judged(bench.metric, held.y, held.predictions, bench.groups(held.rows))
    return ModelResult(
        ref=ref, name=ref.partition("/")[2], family=str(card.get("family", card.get("type", ""))), source="baseline" if card.get("type") == "sklearn" else "network",
        validation=value, size_mb=size_mb(folder), digest=digest(folder),
    )


def _models_in(value: Any) -> list[dict[str, Any]]:
    """Every object that looks like a model result inside a result."""
    if isinstance(value, dict):
        here = [value] if "ref" in value and "validation" in value else []
        return here + [m for v in value.values() for m in _models_in(v)]
    return [m for v in value for m in _models_in(v)] if isinstance(value, list) else []


def config_of(result: ModelResult) -> ModelConfig | None:
    """The config of a network's result, or None for baselines and ensembles."""
    return ModelConfig.model_validate(result.config) if result.config and "network" in result.config else None


def names(prefix: str, seeds: Sequence[int]) -> list[str]:
    """Model names of seeds: the bare prefix for one, `<prefix>-s<seed>` for several."""
    return [prefix] if len(seeds) == 1 else [f"{prefix}-s{s}" for s in seeds]
