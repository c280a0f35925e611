"""Saved picture models that predict without the project: baseline, network, features or an ensemble; TTA only when the card says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.images import pixels
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.images.preparing import Preparing
from phasewise.kinds.shared import saved
from phasewise.kinds.shared.saved import SavedModel
from phasewise.records.errors import BadInputError
from phasewise.records.findings import Finding
from phasewise.records.models import ModelConfig
from phasewise.stats.predictions import Predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor(SavedModel):
    """A model for pictures: `predict(table)` takes a table of pictures."""

    BATCH: ClassVar[int] = 128
    """Pictures answered at once: of twice as many the maps leave the processor's cache, and each costs up to twice the time."""

    @property
    def fitting(self) -> Fitting:
        """How this model (or its first member) wants pictures."""
        return self.first.preparing.fitting

    @property
    def columns(self) -> dict[str, str]:
        """Inputs and their roles."""
        return {"image": "image"}

    def inputs(self, table: pl.DataFrame) -> np.ndarray:
        """Pixels uint8 [n, size, size, channels]."""
        return pixels.gather(table, self.preparing.fitting)

    def check(self, natural: pl.DataFrame) -> list[Finding]:
        """What is odd about new pictures: sizes far below what the model looks at."""
        if "width" not in natural.columns or not natural.height:
            return []
        small = int((np.minimum(natural["width"].to_numpy(), natural["height"].to_numpy()) < self.fitting.size / 4).sum())
        if not small:
            return []
        return [Finding(id="small-pictures", check="small-pictures", severity="warn", title="Pictures much smaller than the model looks at", seen=f"{small:,} of {natural.height:,} have a side below {self.fitting.size // 4} px.", rows=small, source="I10")]


def _card(kind: str, preparing: Preparing | None, extras: Mapping[str, Any] | None, **own: Any) -> dict[str, Any]:
    card: dict[str, Any] = {"kind": "images", "type": kind}
    if preparing is not None:
        target = preparing.target
        card |= {"task": target.task, "classes": target.classes, "target": target.name, "columns": preparing.roles, "fitting": vars(preparing.fitting)}
    return {**card, "metric": "", "threshold": None, **(extras or {}), **own}


def _tensors(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{k}": v.detach().to("cpu").contiguous().clone() for k, v in values.items()}


def _save(folder: Path, preparing: Preparing, tensors: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / folders.PREPARING).write_text(preparing.to_json(), encoding="utf-8")
    if preparing.features:
        tensors = {**tensors, **_tensors("backbone", preparing.backbone.state_dict())}
    if tensors:
        save_file(tensors, folder / folders.WEIGHTS)


def _arch(preparing: Preparing) -> dict[str, Any]:
    if not preparing.features:
        return {}
    from phasewise.kinds.images.networks import pretrained

    found, network = pretrained.named(preparing.backbone), preparing.backbone
    read = {"backbone_reads": {"mean": list(network.mean), "std": list(network.std)}} if network.said is not None else {}
    return {"backbone": found["arch"], **({"backbone_library": found["library"]} if "library" in found else {}), **read}


def save_sklearn(folder: Path, *, estimator: Any, preparing: Preparing, matrix: str, card: Mapping[str, Any] | None = None, config: Mapping[str, Any] | None = None) -> None:
    """A scikit-learn model with its preparation; `matrix` names what it is given (see estimators)."""
    _save(folder, preparing, {})
    folders.dump_estimator(estimator, folder / folders.SKOPS)
    folders.write_card(folder, _card("sklearn", preparing, card, matrix=matrix, library="sklearn", config=dict(config or {}), **_arch(preparing)))


def save_network(folder: Path, *, state: Mapping[str, Any], config: ModelConfig, info: Any, preparing: Preparing, card: Mapping[str, Any] | None = None) -> None:
    """A network: weights as safetensors, config on the card; pretrained parts are inside, no other file is needed."""
    _save(folder, preparing, _tensors("state", state))
    made = config.model_dump(mode="json")
    if config.network.family == "pretrained":
        from phasewise.kinds.images.networks import pretrained

        made["network"]["options"] = {**made["network"]["options"], **pretrained.named_of(state, made["network"]["options"])}
    folders.write_card(folder, _card("network", preparing, card, config=made, **_arch(preparing)))


def save_ensemble(folder: Path, *, members: Sequence[tuple[Path, float]], method: str = "average", card: Mapping[str, Any] | None = None) -> None:
    """Members (model folder, weight) copied inside; `method` is `average`, `weighted` or `vote`."""
    saved.save_ensemble(folder, members=members, method=method, card=card or {}, taken=("fitting",))


def load(folder: Path | str) -> Predictor:
    """The predictor of a model folder; needs nothing but the folder. Raises `BadInputError` when it is damaged or not trusted."""
    folder = Path(folder)
    card, members = saved.opened(folder, "images", "pictures", load)
    if members:
        return Predictor(card=card, preparing=None, members=members, weights=[float(e["weight"]) for e in card["members"]])
    try:
        preparing = _preparing(folder, card)
        answer = _sklearn(folder, card, preparing) if card.get("type") == "sklearn" else _network(folder, card, preparing)
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError("cannot read the model", f"{type(error).__name__}: {error}"[:200], "The folder is damaged; train or export again.", where=str(folder)) from None
    return Predictor(card=card, preparing=preparing, answer=answer)


def _held(folder: Path, prefix: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {k.removeprefix(f"{prefix}."): v for k, v in load_file(folder / folders.WEIGHTS).items() if k.startswith(f"{prefix}.")}


def _preparing(folder: Path, card: dict[str, Any]) -> Preparing:
    module = None
    if card.get("backbone"):
        from phasewise.kinds.images.networks import pretrained

        module = pretrained.architecture(str(card["backbone"]), str(card.get("backbone_library", "")))(1, 0.0)
        module.load_state_dict(_held(folder, "backbone"))
        if reads := card.get("backbone_reads"):
            module.mean, module.std = tuple(float(v) for v in reads["mean"]), tuple(float(v) for v in reads["std"])
        module.eval()
    return Preparing.from_json((folder / folders.PREPARING).read_text(encoding="utf-8"), module)


def _sklearn(folder: Path, card: dict[str, Any], preparing: Preparing) -> Any:
    from phasewise.kinds.images.estimators import matrix
    from phasewise.kinds.shared import fitted

    estimator = folders.load_estimator(folder / folders.SKOPS)
    return lambda images: fitted.answer(estimator, matrix(str(card.get("matrix", "pixels")), preparing, images), preparing.target)


def read_network(folder: Path, card: dict[str, Any]) -> Any:
    """The network of a model folder as a torch module in evaluation mode, on the CPU."""
    from phasewise.kinds.images import batches, networks

    preparing = _preparing(folder, card)
    config = ModelConfig.model_validate(card["config"])
    state = _held(folder, "state")
    info = batches.info(preparing, None, None)
    options = {**config.network.options, "scratch": True}
    module = networks.build(config.network.model_copy(update={"options": options}), info)
    module.load_state_dict(state)
    return module.eval()


def _network(folder: Path, card: dict[str, Any], preparing: Preparing) -> Any:
    import torch

    from phasewise.kinds.images import batches, tta

    module = read_network(folder, card)
    ways = card.get("tta")

    def answer(images: np.ndarray) -> Predictions:
        with torch.inference_mode():
            inputs = batches.tensors(preparing.arrays(images))
            if ways and "image" in inputs:
                return tta.predictions(module, inputs["image"], preparing.target, ways)
            return batches.predictions(module(inputs), preparing)

    return answer
