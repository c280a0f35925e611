"""Exports of a saved model, each checked against the original on real rows (X13): bundle, torch program, ONNX, plain script."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.shared import exports
from phasewise.kinds.shared.exports import OPSET, PARITY_ROWS, TOLERANCE, difference, refused, size_of, text_of
from phasewise.kinds.tabular import predictor
from phasewise.kinds.tabular.predictor import Predictor
from phasewise.records.results.verify import ExportedFile


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every format needs: the model's folder and predictor, rows for the parity check, and where to write."""

    folder: Path
    model: Predictor
    table: pl.DataFrame
    output: Path
    dev: Any = None
    plan: dict[str, Any] | None = None


def export(folder: Path, output: Path, formats: list[str], table: pl.DataFrame, *, dev: Any = None, plan: dict[str, Any] | None = None) -> list[ExportedFile]:
    """Write each format under `output/` and compare it with the original on at most 100 rows of `table` (roles cast).

    `dev` (development rows) and `plan` (how the network was trained) are needed for `script` only. A format that the
    model cannot have comes back with `ok=False` and the reason. Raises `UsageError` for an unknown format.
    """
    makers: dict[str, Callable[[Work], ExportedFile]] = {"bundle": _bundle, "torch": _torch, "onnx": _onnx, "script": _script}
    output.mkdir(parents=True, exist_ok=True)
    work = Work(folder=folder, model=predictor.load(folder), table=table.head(PARITY_ROWS), output=output, dev=dev, plan=plan)
    return exports.made(formats, makers, work)


def _bundle(work: Work) -> ExportedFile:
    return exports.bundle(work.folder, work.output, predictor.load, work.table, _readme(work.model))


def _readme(model: Predictor) -> str:
    card = model.card
    columns = "\n".join(f"| `{json.dumps(name, ensure_ascii=False)[1:-1]}` | {role} |" for name, role in model.columns.items())
    return text_of("bundle_readme.txt").replace("@@NAME@@", str(card.get("name", "model"))).replace("@@TASK@@", str(card.get("task"))).replace("@@TARGET@@", str(card.get("target"))).replace("@@COLUMNS@@", columns)


def _networks(work: Work) -> list[tuple[Any, Any, float]] | str:
    """(preparing, module, weight) of a network or of an ensemble of networks; else why there are none."""
    card = work.model.card
    if card["type"] == "network":
        return [(work.model.preparing, predictor.read_network(work.folder, card), 1.0)]
    if card["type"] == "ensemble" and all(m.card["type"] == "network" for m in work.model.members) and card.get("method") != "vote":
        paths = [folders.member_path(work.folder, e) for e in card["members"]]
        weights = work.model.weights if card.get("method") == "weighted" else [1.0] * len(paths)
        return [(m.preparing, predictor.read_network(p, m.card), w) for m, p, w in zip(work.model.members, paths, weights, strict=True)]
    return "only networks (and averages of networks) become a torch program; use the bundle"


def _scorer(work: Work) -> Any:
    """(scorer module, its inputs for the parity rows) or the reason why there is none."""
    found = _networks(work)
    if isinstance(found, str):
        return found
    if work.model.card.get("prior_ratio"):
        return "the correction to real class shares is not part of a torch program; use the bundle"
    import torch

    from phasewise.kinds.tabular import scoring

    scorer = scoring.Scorer([(p, net) for p, net, _ in found], [w for *_, w in found]).eval()
    num, cat = scoring.arrays(scorer, found[0][0], work.table)
    return scorer, (torch.from_numpy(num), torch.from_numpy(cat))


def _describe(work: Work, scorer: Any, path: Path) -> None:
    """`<file>.json`: how to fill the two inputs and read the output."""
    card = work.model.card
    said = {
        "inputs": {"num": {"dtype": "float64", "columns": scorer.names, "missing": "NaN"}, "cat": {"dtype": "int64", "columns": list(scorer.vocabulary), "levels": scorer.vocabulary, "unseen_or_missing": 0, "first_level": 1}},
        "output": "values [rows, 1]" if card["task"] == "regression" else "probabilities [rows, classes]", "classes": card.get("classes", []), "threshold": card.get("threshold"),
        "task": card["task"], "target": card.get("target"), "date_parts": "a date column stands for its parts: '<column> Month' and so on, as in pandas/fastai add_datepart",
    }
    path.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")


def _parity(work: Work, inputs: tuple[Any, Any], run: Callable[[Any, Any], Any]) -> float:
    """Largest difference over all rows at once and over a few: an export that only takes one number of rows fails here."""
    said = work.model.predict(work.table)
    few = np.arange(min(7, work.table.height))
    return max(difference(said, np.asarray(run(*inputs))), difference(said.take(few), np.asarray(run(*(x[: len(few)] for x in inputs)))))


def _torch(work: Work) -> ExportedFile:
    """A torch.export program (.pt2) with numeric preparation inside; the number of rows is free."""
    made = _scorer(work)
    if isinstance(made, str):
        return refused("torch", made)
    import torch

    scorer, inputs = made
    path = work.output / "model.pt2"
    rows = torch.export.Dim("rows", min=1)
    with torch.no_grad():
        try:
            program = torch.export.export(scorer, inputs, dynamic_shapes=({0: rows}, {0: rows}))
        except Exception as error:  # torch.export raises many kinds; the person needs the reason, not a traceback
            return refused("torch", f"torch.export cannot trace this network: {str(error).splitlines()[0][:160]}")
        torch.export.save(program, path)
        loaded = torch.export.load(path).module()
    _describe(work, scorer, path.with_suffix(".pt2.json"))
    gap = _parity(work, inputs, lambda num, cat: loaded(num, cat).detach().numpy())
    return ExportedFile(format="torch", path=str(path), size=size_of(path), parity=gap, rows=work.table.height, ok=gap <= TOLERANCE)


def _onnx(work: Work) -> ExportedFile:
    """An ONNX file with numeric preparation inside, checked with onnxruntime."""
    made = _scorer(work)
    if isinstance(made, str):
        return refused("onnx", made)
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        return refused("onnx", "the packages onnx, onnxscript and onnxruntime are needed: pip install phasewise[export]")
    import torch

    scorer, inputs = made
    path = work.output / "model.onnx"
    rows = torch.export.Dim("rows", min=1)
    try:
        with torch.no_grad():
            torch.onnx.export(scorer, inputs, path, dynamo=True, input_names=["num", "cat"], output_names=["output"], dynamic_shapes=({0: rows}, {0: rows}), opset_version=OPSET, verbose=False, external_data=False)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = {i.name for i in session.get_inputs()}
        gap = _parity(work, inputs, lambda num, cat: session.run(None, {k: v.numpy() for k, v in (("num", num), ("cat", cat)) if k in wanted})[0])
    except Exception as error:  # exporter and runtime raise many kinds; the person needs the reason, not a traceback
        path.unlink(missing_ok=True)
        return refused("onnx", f"this network cannot be written as ONNX: {str(error).splitlines()[0][:160]}")
    _describe(work, scorer, path.with_suffix(".onnx.json"))
    return ExportedFile(format="onnx", path=str(path), size=size_of(path), parity=gap, rows=work.table.height, ok=gap <= TOLERANCE)


def _script(work: Work) -> ExportedFile:
    """A readable plain-torch script that retrains the network to the same numbers without Phasewise."""
    from phasewise.kinds.tabular import scripting

    return scripting.export(work.folder, work.model, work.dev, work.plan or {}, work.output / "script")
