"""Exports of a picture model, each checked against the original on real pictures (X13): bundle, torch program, ONNX."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.images import pixels, predictor
from phasewise.kinds.images.predictor import Predictor
from phasewise.kinds.shared import exports
from phasewise.kinds.shared.exports import OPSET, PARITY_ROWS, TOLERANCE, difference, refused, size_of, text_of
from phasewise.records.results.verify import ExportedFile


@dataclass(frozen=True, kw_only=True)
class Work:
    """The model's folder and predictor, pictures for the parity check, and where to write."""

    folder: Path
    model: Predictor
    table: pl.DataFrame
    output: Path


def export(folder: Path, output: Path, formats: list[str], table: pl.DataFrame, *, dev: Any = None, plan: dict[str, Any] | None = None) -> list[ExportedFile]:
    """Write each format under `output/` and compare it with the original on at most 100 pictures of `table`.

    A format that the model cannot have comes back with `ok=False` and the reason. Raises `UsageError` for an unknown format.
    """
    output.mkdir(parents=True, exist_ok=True)
    work = Work(folder=folder, model=predictor.load(folder), table=table.head(PARITY_ROWS), output=output)
    return exports.made(formats, {"bundle": _bundle, "torch": _torch, "onnx": _onnx, "script": _script}, work)


def _script(work: Work) -> ExportedFile:
    return refused("script", "a training script is written for tables only; use the bundle")


def _bundle(work: Work) -> ExportedFile:
    card = work.model.card
    page = text_of("bundle_readme.txt").replace("@@NAME@@", str(card.get("name", "model"))).replace("@@TASK@@", str(card.get("task"))).replace("@@TARGET@@", str(card.get("target")))
    fitting = work.model.fitting
    return exports.bundle(work.folder, work.output, predictor.load, work.table, page.replace("@@COLUMNS@@", f"| pictures | {fitting.size} x {fitting.size} px, {fitting.channels} channels, {fitting.resize} |"))


def _members(work: Work) -> list[tuple[Any, Any, float]] | str:
    """(preparing, module, weight) of a network or an average of networks; else why there are none."""
    card = work.model.card
    if card.get("tta"):
        return "test-time augmentation draws at random and is not part of a torch program; use the bundle"
    if card["type"] == "network":
        return [(work.model.preparing, predictor.read_network(work.folder, card), 1.0)]
    if card["type"] == "ensemble" and all(m.card["type"] == "network" and not m.card.get("tta") for m in work.model.members) and card.get("method") != "vote":
        fittings = {m.fitting for m in work.model.members}
        if len(fittings) > 1:
            return "the members look at pictures of different sizes; use the bundle"
        paths = [folders.member_path(work.folder, e) for e in card["members"]]
        weights = work.model.weights if card.get("method") == "weighted" else [1.0] * len(paths)
        return [(m.preparing, predictor.read_network(p, m.card), w) for m, p, w in zip(work.model.members, paths, weights, strict=True)]
    return "only networks (and averages of networks) become a torch program; use the bundle"


def _scorer(work: Work) -> Any:
    found = _members(work)
    if isinstance(found, str):
        return found
    if work.model.card.get("prior_ratio"):
        return "the correction to real class shares is not part of a torch program; use the bundle"
    import torch

    from phasewise.kinds.images import scoring

    scorer = scoring.Scorer([(p, net) for p, net, _ in found], [w for *_, w in found]).eval()
    return scorer, torch.from_numpy(np.ascontiguousarray(pixels.gather(work.table, work.model.fitting).transpose(0, 3, 1, 2)))


def _parity(work: Work, image: Any, run: Any) -> float:
    """Largest difference over all pictures at once and over a few: an export for one batch size fails here."""
    said = work.model.predict(work.table)
    few = np.arange(min(7, work.table.height))
    return max(difference(said, np.asarray(run(image))), difference(said.take(few), np.asarray(run(image[: len(few)]))))


def _describe(work: Work, path: Path) -> None:
    card, fitting = work.model.card, work.model.fitting
    said = {
        "input": {"name": "image", "dtype": "uint8", "layout": "n, channels, height, width", "side": fitting.size, "channels": fitting.channels, "resize": fitting.resize,
                  "how": "turn by EXIF, put transparency on white, then crop: resize the short side (bilinear) and cut the centre; pixels stay 0 to 255"},
        "output": "probabilities [n, classes]", "classes": card.get("classes", []), "threshold": card.get("threshold"), "task": card["task"],
    }
    path.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")


def _torch(work: Work) -> ExportedFile:
    """A torch.export program (.pt2), normalisation inside; the number of pictures is free."""
    made = _scorer(work)
    if isinstance(made, str):
        return refused("torch", made)
    import torch

    scorer, image = made
    path = work.output / "model.pt2"
    with torch.no_grad():
        try:
            program = torch.export.export(scorer, (image,), dynamic_shapes=({0: torch.export.Dim("rows", min=1)},))
        except Exception as error:  # torch.export raises many kinds; the person needs the reason, not a traceback
            return refused("torch", f"torch.export cannot trace this network: {str(error).splitlines()[0][:160]}")
        torch.export.save(program, path)
        loaded = torch.export.load(path).module()
        gap = _parity(work, image, lambda x: loaded(x).detach().numpy())
    _describe(work, path.with_suffix(".pt2.json"))
    return ExportedFile(format="torch", path=str(path), size=size_of(path), parity=gap, rows=work.table.height, ok=gap <= TOLERANCE)


def _onnx(work: Work) -> ExportedFile:
    """An ONNX file, normalisation inside, checked with onnxruntime."""
    made = _scorer(work)
    if isinstance(made, str):
        return refused("onnx", made)
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        return refused("onnx", "the packages onnx, onnxscript and onnxruntime are needed: pip install phasewise[export]")
    import torch

    scorer, image = made
    path = work.output / "model.onnx"
    try:
        with torch.no_grad():
            torch.onnx.export(scorer, (image,), path, dynamo=True, input_names=["image"], output_names=["output"], dynamic_shapes=({0: torch.export.Dim("rows", min=1)},), opset_version=OPSET, verbose=False, external_data=False)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        gap = _parity(work, image, lambda x: session.run(None, {"image": x.numpy()})[0])
    except Exception as error:  # exporter and runtime raise many kinds; the person needs the reason, not a traceback
        path.unlink(missing_ok=True)
        return refused("onnx", f"this network cannot be written as ONNX: {str(error).splitlines()[0][:160]}")
    _describe(work, path.with_suffix(".onnx.json"))
    return ExportedFile(format="onnx", path=str(path), size=size_of(path), parity=gap, rows=work.table.height, ok=gap <= TOLERANCE)
