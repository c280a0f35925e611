"""Model folders: card, files, scikit-learn models without pickle, mixing of members. Shared by the wings."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text
from phasewise.stats.predictions import Predictions

CARD = "card.json"
PREPARING = "preparing.json"
SKOPS = "model.skops"
WEIGHTS = "model.safetensors"
CARD_VERSION = 1
CARD_LIMIT = 64 * 2**20
TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
)
"""Types beyond skops' own defaults that a model may hold: a constant of the program, never taken from the file."""


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """`card.json` of a model folder."""
    from phasewise.project import atomic

    folder.mkdir(parents=True, exist_ok=True)
    atomic.replace(folder / CARD, (json.dumps({"version": CARD_VERSION, **card}, ensure_ascii=False, indent=1, default=_plain) + "\n").encode())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not belong on a card")


def read_card(folder: Path | str) -> dict[str, Any]:
    """The card of a model folder; a `BadInputError` when it is missing, damaged or newer."""
    path = Path(folder) / CARD
    try:
        if path.stat().st_size > CARD_LIMIT:
            raise ValueError("it is too large")
        card = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise ValueError("it is not an object")
    except FileNotFoundError:
        raise BadInputError(f"no model in {safe_text(folder)}", "It has no card.json.", "Name a model folder.", where=str(folder)) from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"cannot read the model card in {safe_text(folder)}", safe_text(error), "The folder is damaged; train or export again.", where=str(path)) from None
    if card.get("version", 0) > CARD_VERSION:
        raise BadInputError("the model was written by a newer Phasewise", f"Card version {safe_text(card.get('version'), 10)}; this program reads {CARD_VERSION}.", "Update Phasewise.", where=str(path))
    return card


def dump_estimator(estimator: Any, path: Path) -> None:
    """A scikit-learn model with skops; a type outside the trust list is refused before it can be written."""
    import skops.io as sio

    data = sio.dumps(estimator)
    strange = sorted(set(sio.get_untrusted_types(data=data)) - set(TRUSTED))
    if strange:
        raise TypeError(f"types that could not be loaded again: {', '.join(strange)}")
    path.write_bytes(data)


def load_estimator(path: Path) -> Any:
    """A scikit-learn model written by `dump_estimator`; a `BadInputError` for any type outside the constant trust list."""
    import skops.io as sio

    try:
        strange = sorted(set(sio.get_untrusted_types(file=path)) - set(TRUSTED))
        if strange:
            raise BadInputError("the model file is not trusted", f"It holds {', '.join(safe_text(t, 60) for t in strange[:3])}.", "Use only models written by Phasewise.", where=str(path))
        return sio.load(path, trusted=list(TRUSTED))
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError("cannot read the model file", safe_text(f"{type(error).__name__}: {error}"), "The file is damaged or was written by other versions of scikit-learn and skops.", where=str(path)) from None


def copy_members(folder: Path, members: Sequence[tuple[Path, float]]) -> list[dict[str, Any]]:
    """Copy member folders into `members/<i>/`; entries for the ensemble's card."""
    entries = []
    for place, (source, weight) in enumerate(members):
        inside = folder / "members" / str(place)
        if inside.exists():
            shutil.rmtree(inside)
        shutil.copytree(source, inside, symlinks=False)
        entries.append({"folder": f"members/{place}", "weight": float(weight)})
    return entries


def member_path(folder: Path, entry: dict[str, Any]) -> Path:
    """The folder of a member; a `BadInputError` if the card points outside the model folder."""
    root = folder.resolve()
    path = (root / str(entry.get("folder", ""))).resolve()
    if root not in path.parents:
        raise BadInputError("the ensemble's card points outside its folder", safe_text(entry.get("folder")), "The folder is damaged; combine again.", where=str(folder))
    return path


def mixed(parts: Sequence[Predictions], weights: Sequence[float], method: str = "average") -> Predictions:
    """Predictions of an ensemble: `average` (equal), `weighted`, or `vote` (plurality, ties by mean probability; median for values)."""
    first = parts[0]
    share = np.full(len(parts), 1 / len(parts)) if method == "average" else np.asarray(weights, float) / np.sum(weights)
    if first.task == "regression":
        values = np.stack([p.values for p in parts])
        return Predictions(task=first.task, values=np.median(values, axis=0) if method == "vote" else np.tensordot(share, values, 1))
    proba = np.stack([p.proba for p in parts])
    if method != "vote":
        return Predictions(task=first.task, classes=first.classes, proba=np.tensordot(share, proba, 1))
    votes = np.eye(proba.shape[2])[proba.argmax(axis=2)].sum(axis=0) + 0.499 * proba.mean(axis=0)
    return Predictions(task=first.task, classes=first.classes, proba=votes / votes.sum(axis=1, keepdims=True))


def shifted(predictions: Predictions, ratio: Sequence[float] | None) -> Predictions:
    """Probabilities corrected to the real class shares: p_c times real_c / train_c, renormalised (D04, Saerens 2002)."""
    if not ratio or predictions.proba is None:
        return predictions
    weighed = predictions.proba * np.asarray(ratio, float)
    return Predictions(task=predictions.task, classes=predictions.classes, proba=weighed / weighed.sum(axis=1, keepdims=True))
