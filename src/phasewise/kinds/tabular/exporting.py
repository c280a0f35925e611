"""Exports of a saved model, each checked against the original on real rows (X13): bundle, torch program, ONNX, plain script."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from phasewise.kinds.shared import exports, programs
from phasewise.kinds.shared.exports import PARITY_ROWS, text_of
from phasewise.kinds.shared.programs import Program, Work
from phasewise.kinds.tabular import predictor
from phasewise.kinds.tabular.predictor import Predictor
from phasewise.records.results.verify import ExportedFile


def export(folder: Path, output: Path, formats: list[str], table: pl.DataFrame, *, dev: Any = None, plan: dict[str, Any] | None = None) -> list[ExportedFile]:
    """Write each format under `output/` and compare it with the original on at most 100 rows of `table` (roles cast).

    `dev` (development rows) and `plan` (how the network was trained) are needed for `script` only. A format that the
    model cannot have comes back with `ok=False` and the reason. Raises `UsageError` for an unknown format.
    """
    makers: dict[str, Callable[[Work], ExportedFile]] = {
        "bundle": _bundle, "torch": lambda w: programs.torch_file(w, _program(w)), "onnx": lambda w: programs.onnx_file(w, _program(w)), "script": _script,
    }
    output.mkdir(parents=True, exist_ok=True)
    work = Work(folder=folder, model=predictor.load(folder), table=table.head(PARITY_ROWS), output=output, dev=dev, plan=plan)
    return exports.made(formats, makers, work)


def _bundle(work: Work) -> ExportedFile:
    return exports.bundle(work.folder, work.output, predictor.load, work.table, _readme(work.model))


def _readme(model: Predictor) -> str:
    card = model.card
    columns = "\n".join(f"| `{json.dumps(name, ensure_ascii=False)[1:-1]}` | {role} |" for name, role in model.columns.items())
    return text_of("bundle_readme.txt").replace("@@NAME@@", str(card.get("name", "model"))).replace("@@TASK@@", str(card.get("task"))).replace("@@TARGET@@", str(card.get("target"))).replace("@@COLUMNS@@", columns)


def _program(work: Work) -> Program | str:
    """The network with numeric preparation inside, or why there is none."""
    found = programs.networks(work, predictor.read_network)
    if isinstance(found, str):
        return found
    import torch

    from phasewise.kinds.tabular import scoring

    scorer = scoring.Scorer([(p, net) for p, net, _ in found], [w for *_, w in found]).eval()
    num, cat = scoring.arrays(scorer, found[0][0], work.table)
    return Program(module=scorer, inputs={"num": torch.from_numpy(num), "cat": torch.from_numpy(cat)}, about=_about(work.model.card, scorer))


def _about(card: dict[str, Any], scorer: Any) -> dict[str, Any]:
    """How to fill the two inputs and read the output."""
    return {
        "inputs": {"num": {"dtype": "float64", "columns": scorer.names, "missing": "NaN"}, "cat": {"dtype": "int64", "columns": list(scorer.vocabulary), "levels": scorer.vocabulary, "unseen_or_missing": 0, "first_level": 1}},
        "output": "values [rows, 1]" if card["task"] == "regression" else "probabilities [rows, classes]", "classes": card.get("classes", []), "threshold": card.get("threshold"),
        "task": card["task"], "target": card.get("target"), "date_parts": "a date column stands for its parts: '<column> Month' and so on, as in pandas/fastai add_datepart",
    }


def _script(work: Work) -> ExportedFile:
    """A readable plain-torch script that retrains the network to the same numbers without Phasewise."""
    from phasewise.kinds.tabular import scripting

    return scripting.export(work.folder, work.model, work.dev, work.plan or {}, work.output / "script")
