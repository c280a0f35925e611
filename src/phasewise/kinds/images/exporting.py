"""Exports of a picture model, each checked against the original on real pictures (X13): bundle, torch program, ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import decode, pixels, predictor
from phasewise.kinds.shared import exports, programs
from phasewise.kinds.shared.exports import PARITY_ROWS, refused, text_of
from phasewise.kinds.shared.programs import Program, Work
from phasewise.records.results.verify import ExportedFile


def export(folder: Path, output: Path, formats: list[str], table: pl.DataFrame, *, dev: Any = None, plan: dict[str, Any] | None = None) -> list[ExportedFile]:
    """Write each format under `output/` and compare it with the original on at most 100 pictures of `table`.

    A format that the model cannot have comes back with `ok=False` and the reason. Raises `UsageError` for an unknown format.
    """
    output.mkdir(parents=True, exist_ok=True)
    work = Work(folder=folder, model=predictor.load(folder), table=table.head(PARITY_ROWS), output=output)
    makers = {"bundle": _bundle, "torch": lambda w: programs.torch_file(w, _program(w)), "onnx": lambda w: programs.onnx_file(w, _program(w)), "script": _script}
    return exports.made(formats, makers, work)


def _script(work: Work) -> ExportedFile:
    return refused("script", "a training script is written for tables only; use the bundle")


def _bundle(work: Work) -> ExportedFile:
    card = work.model.card
    page = text_of("bundle_readme.txt").replace("@@NAME@@", str(card.get("name", "model"))).replace("@@TASK@@", str(card.get("task"))).replace("@@TARGET@@", str(card.get("target")))
    fitting = work.model.fitting
    return exports.bundle(work.folder, work.output, predictor.load, work.table, page.replace("new_rows.csv", "picture_or_folder").replace("| column | role |", "| input | form |").replace("@@COLUMNS@@", f"| pictures | {fitting.size} x {fitting.size} px, {fitting.channels} channels, {fitting.resize} |"))


def _program(work: Work) -> Program | str:
    """The network with normalisation inside, or why there is none."""
    model = work.model
    if any(m.card.get("tta") for m in (model, *model.members)):
        return "test-time augmentation draws at random and is not part of a torch program; use the bundle"
    if len({m.fitting for m in model.members}) > 1:
        return "the members look at pictures of different sizes; use the bundle"
    found = parts(work)
    if isinstance(found, str):
        return found
    import torch

    from phasewise.kinds.images import scoring

    scorer = scoring.Scorer([(p, net) for p, net, _ in found], [w for *_, w in found]).eval()
    image = torch.from_numpy(np.ascontiguousarray(pixels.gather(work.table, model.fitting).transpose(0, 3, 1, 2)))
    return Program(module=scorer, inputs={"image": image}, about=_about(model))


def parts(work: Work) -> list[tuple[Any, Any, float]] | str:
    """(preparing, module, weight) of what a model is made of; else why it is none of torch modules."""
    return programs.networks(work, _module, _readable, "networks, linear models on frozen features, and averages of them")


def _readable(card: dict[str, Any]) -> bool:
    return programs.is_network(card) or (card["type"] == "sklearn" and card.get("matrix") == "features")


def _module(path: Path, card: dict[str, Any]) -> Any:
    """A member's network, or the linear layer that its logistic regression on frozen features is."""
    if programs.is_network(card):
        return predictor.read_network(path, card)
    from phasewise.kinds import folders
    from phasewise.kinds.images import scoring

    return scoring.Linear(folders.load_estimator(path / folders.SKOPS), str(card["task"]), len(card["classes"]))


def _about(model: predictor.Predictor) -> dict[str, Any]:
    """How to fill the input and read the output."""
    card, fitting = model.card, model.fitting
    return {
        "input": {"name": "image", "dtype": "uint8", "layout": "n, channels, height, width", "side": fitting.size, "channels": fitting.channels, "resize": fitting.resize,
                  "how": "turn by EXIF, put transparency on white, deep grey times 255 over its white level (" + (str(fitting.white) if fitting.white else "of the file") + "), then " + _fitted(fitting.resize) + "; pixels stay 0 to 255"},
        "output": "probabilities [n, classes]", "classes": card.get("classes", []), "threshold": card.get("threshold"), "task": card["task"],
    }


def _fitted(resize: str) -> str:
    """How a picture becomes a square, in words."""
    way, share, name = decode.ways(resize)
    cut = "cut the centre square" + (f", {share:.1%} of the short side," if share < 1 else "")
    return {"squash": f"squash: resize to the side ({name})", "pad": f"pad: resize the long side ({name}) and fill with black"}.get(way, f"crop: {cut} and resize it ({name}, with antialiasing)")
