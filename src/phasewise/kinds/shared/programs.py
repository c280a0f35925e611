"""A network as a program of its own, the same for every wing: torch.export and ONNX, each compared with the original on real rows (X13)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.shared.exports import OPSET, TOLERANCE, difference, refused, size_of
from phasewise.records.results.verify import ExportedFile


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every format needs: the model's folder and predictor, rows for the parity check, and where to write; `dev` and `plan` for the script only."""

    folder: Path
    model: Any
    table: pl.DataFrame
    output: Path
    dev: Any = None
    plan: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A module with its preparation inside, its inputs by name for the parity rows [n, ...], and what the JSON beside the file says."""

    module: Any
    inputs: dict[str, Any]
    about: dict[str, Any]


def is_network(card: dict[str, Any]) -> bool:
    """Whether a model is a network."""
    return card["type"] == "network"


def networks(
    work: Work, read_network: Callable[[Path, dict[str, Any]], Any], readable: Callable[[dict[str, Any]], bool] = is_network, what: str = "networks (and averages of networks)",
) -> list[tuple[Any, Any, float]] | str:
    """(preparing, module, weight) of a network or of an average of networks; else why there are none. `readable` says of a card whether `read_network` makes a module of it, `what` names those."""
    card, model = work.model.card, work.model
    if card.get("prior_ratio"):
        return "the correction to real class shares is not part of a torch program; use the bundle"
    if card["type"] != "ensemble" and readable(card):
        return [(model.preparing, read_network(work.folder, card), 1.0)]
    if card["type"] == "ensemble" and all(readable(m.card) for m in model.members) and card.get("method") != "vote":
        paths = [folders.member_path(work.folder, e) for e in card["members"]]
        weights = model.weights if card.get("method") == "weighted" else [1.0] * len(paths)
        return [(m.preparing, read_network(p, m.card), w) for m, p, w in zip(model.members, paths, weights, strict=True)]
    return f"only {what} become a torch program; use the bundle"


def torch_file(work: Work, made: Program | str) -> ExportedFile:
    """A torch.export program (.pt2), preparation inside; the number of rows is free."""
    if isinstance(made, str):
        return refused("torch", made)
    import torch

    path = work.output / "model.pt2"
    with torch.no_grad():
        try:
            program = torch.export.export(made.module, tuple(made.inputs.values()), dynamic_shapes=_free(made))
        except Exception as error:  # torch.export raises many kinds; the person needs the reason, not a traceback
            return refused("torch", f"torch.export cannot trace this network: {_first_line(error)}")
        torch.export.save(program, path)
        loaded = torch.export.load(path).module()
        gap = _parity(work, made, lambda inputs: loaded(*inputs.values()).detach().numpy())
    return _told(work, made, "torch", path, gap)


def onnx_file(work: Work, made: Program | str) -> ExportedFile:
    """An ONNX file, preparation inside, checked with onnxruntime."""
    if isinstance(made, str):
        return refused("onnx", made)
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        return refused("onnx", "the packages onnx, onnxscript and onnxruntime are needed: pip install phasewise[export]")
    import torch

    path = work.output / "model.onnx"
    try:
        with torch.no_grad():
            torch.onnx.export(
                made.module, tuple(made.inputs.values()), path, dynamo=True, input_names=list(made.inputs), output_names=["output"], dynamic_shapes=_free(made),
                opset_version=OPSET, verbose=False, external_data=False,
            )
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = {i.name for i in session.get_inputs()}  # an input that no layer reads is not in the file
        gap = _parity(work, made, lambda inputs: session.run(None, {k: v.numpy() for k, v in inputs.items() if k in wanted})[0])
    except Exception as error:  # exporter and runtime raise many kinds; the person needs the reason, not a traceback
        path.unlink(missing_ok=True)
        return refused("onnx", f"this network cannot be written as ONNX: {_first_line(error)}")
    return _told(work, made, "onnx", path, gap)


def _free(made: Program) -> tuple[dict[int, Any], ...]:
    import torch

    rows = torch.export.Dim("rows", min=1)
    return tuple({0: rows} for _ in made.inputs)


def _parity(work: Work, made: Program, run: Callable[[dict[str, Any]], Any]) -> float:
    """Largest difference over all rows at once and over a few: a file that only takes one number of rows fails here."""
    said = work.model.predict(work.table)
    few = np.arange(min(7, work.table.height))
    return max(difference(said, np.asarray(run(made.inputs))), difference(said.take(few), np.asarray(run({k: x[: len(few)] for k, x in made.inputs.items()}))))


def _told(work: Work, made: Program, format_id: str, path: Path, gap: float) -> ExportedFile:
    path.with_suffix(f"{path.suffix}.json").write_text(json.dumps(made.about, ensure_ascii=False, indent=1), encoding="utf-8")
    return ExportedFile(format=format_id, path=str(path), size=size_of(path), parity=gap, rows=work.table.height, ok=gap <= TOLERANCE)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
