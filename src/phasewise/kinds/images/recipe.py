"""The recipe for pictures: families, losses, baselines, training defaults, augmentation from symmetries, search space, ladders. Pure data."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phasewise.kinds.images import expects, recipe_ideas
from phasewise.kinds.shared.techniques import Analogy, Family, Technique
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

FAMILIES: tuple[Family, ...] = (
    Family(id="conv2", title="two convolutions"), Family(id="resnet20", title="ResNet-20"), Family(id="resnet32", title="ResNet-32"),
    Family(id="resnet56", title="ResNet-56"), Family(id="resnet18", title="ResNet-18"), Family(id="features", title="head on frozen pretrained features"),
    Family(id="pretrained", title="pretrained network, fine-tuned"),
)
LOSSES: dict[str, tuple[str, ...]] = {"multiclass": ("cross_entropy", "focal"), "binary": ("bce", "focal")}
BASELINES: dict[str, tuple[str, ...]] = {"all": ("dummy", "pixels", "hog", "features")}
"""Cheapest first (G02); `features` needs weights and is skipped without."""
ANALOGIES: tuple[Analogy, ...] = (
    Analogy(id="pictures-small", title="Small pictures (digits, icons)", family="conv2", reason="Two convolutions read digits to 99 %; a residual network takes over where they stop (A13)."),
    Analogy(id="pictures-photos", title="Photos with pretrained weights", family="pretrained", reason="With few photos a network trained on millions of others is the best start (A03, N01)."),
    Analogy(id="pictures-scratch", title="Photos without weights", family="resnet20", reason="Residual networks are the proven start from scratch (A13)."),
)
_ORDER = ("mirror", "shift-more", "longer", "label-smoothing", "mixup", "erase", "dropout", "weight-decay", "ema", "resnet20", "wider", "more-data")
LADDERS: dict[str, tuple[str, ...]] = {
    "cheapest_first": _ORDER,
    "step4": ("mirror", "shift-more", "dropout", "weight-decay", "mixup", "more-data", "resnet20", "narrower"),
    "overfitting": ("more-data", "mirror", "shift-more", "mixup", "erase", "dropout", "weight-decay", "narrower"),
}
TRAIN_LADDER = ("finder", "adam", "cosine", "restarts", "unfreeze", "batch", "objective")

WIDTHS = {"conv2": 32, "resnet20": 16, "resnet32": 16, "resnet56": 16, "resnet18": 64}
NETWORKS: dict[str, dict[str, Any]] = {
    "conv2": {"batch_norm": True, "options": {"width": 32}},
    **{f: {"options": {"width": w}} for f, w in WIDTHS.items() if f != "conv2"},
    "features": {}, "pretrained": {"options": {"unfrozen": 3}},
}
TRAIN: dict[str, dict[str, Any]] = {
    "conv2": {"optimizer": "adamw", "lr": 6e-3, "schedule": "one_cycle", "weight_decay": 1e-2},
    **{f: {"optimizer": "adamw", "lr": 4e-3, "schedule": "one_cycle", "weight_decay": 5e-2} for f in ("resnet20", "resnet32", "resnet56", "resnet18")},
    "features": {"optimizer": "adamw", "lr": 3e-3, "schedule": "cosine", "weight_decay": 1e-1},
    "pretrained": {"optimizer": "adamw", "lr": 1.5e-3, "schedule": "one_cycle", "weight_decay": 1e-2, "label_smoothing": 0.1},
}
PREPARE: dict[str, dict[str, Any]] = {"features": {"features": True}, "pretrained": {"image_size": 224, "channels": 3}}
COST = {"conv2": 4.0, "resnet20": 40.0, "resnet32": 70.0, "resnet56": 125.0, "resnet18": 560.0, "features": 0.001, "pretrained": 2.7}
"""Millions of multiply-adds of one 32 x 32 picture, for the length of a default run; the pretrained one counts double, because its thin convolutions take as long as
twice as many of a ResNet (measured: 10.8 and 12.8 ms a picture, forward, backward and augmentation, one thread)."""
WEIGHED = 0.8
"""Millions of multiply-adds of one 32 x 32 picture for a megabyte of weights: 0.8 for ResNet-18 to -50 and ConvNeXt (1.8 and 4.1 billion at 224 px, 47 and 102 MB), half of that for MobileNetV2."""
BUDGET = {"quick": 1e12, "best": 2.5e12}
"""Multiply-adds (forward) of a default run: 200 s of training steps on one thread of two cores, measured; every epoch's look at validation comes on top."""
LONG = 3
"""Default runs that four epochs of fine-tuning may take before a head on frozen features is recommended instead."""
TUNED = 12
"""Epochs that fine-tuning takes at most: it starts near its goal (195 photographs: 0.90 after 8 epochs)."""
LARGE = 64
"""Pixels of a side from which on a network from scratch looks at every second place first."""


def batch_size(rows: int) -> int:
    """Batch size by training rows (T20)."""
    return 128 if rows >= 8_000 else 64 if rows >= 1_500 else 32


def epochs(family: str, rows: int, side: int, *, quick: bool = False, folds: int = 0, heavy: float = 0.0) -> int:
    """Epochs within the budget of a default run, all folds together: at least 4, at most 40 (60 for a head on features); `heavy` are the megabytes of pretrained weights."""
    if family == "features":
        return 30 if quick else 60
    unit = max(COST["pretrained"], WEIGHED * heavy) if family == "pretrained" else COST.get(family, 40.0)
    cost = unit * 1e6 * (side / 32) ** 2
    if side > LARGE and family in WIDTHS:
        cost /= 4
    found = BUDGET["quick" if quick else "best"] / (cost * max(rows, 1) * max(folds, 1))
    return min(max(round(found), 4), 12 if quick else TUNED if family == "pretrained" else 40 if rows < 20_000 else 6)


def network(family: str, **changes: Any) -> NetworkSpec:
    """The network of a family with its defaults, and changes on top."""
    return NetworkSpec(family=family, **{**NETWORKS.get(family, {}), **changes})


def resolve(spec: NetworkSpec) -> NetworkSpec:
    """A spec with width and augmentation filled in, so that ideas can change them."""
    if spec.family == "features":
        return spec
    open_settings: dict[str, Any] = {"augment": {}}
    if spec.family in WIDTHS:
        open_settings["width"] = 16 if spec.family == "conv2" else WIDTHS[spec.family]
    return spec.model_copy(update={"options": {**open_settings, **spec.options}})


def config(family: str, rows: int, *, quick: bool = False, seed: int = 0, side: int = 32, folds: int = 0, heavy: float = 0.0, asked: int = 0, expected: Mapping[str, Any] | None = None) -> ModelConfig:
    """Network and training of a family with default answers for a number of training rows, a side in pixels, folds that are all trained on, and megabytes of weights; `asked` is a side that somebody chose, `expected` the preparation that the weights' file names."""
    prepare = dict(PREPARE.get(family, {}))
    if "image_size" in prepare:  # as the weights' own file says, and as somebody chose
        prepare |= dict(expected or {}) | ({"image_size": asked} if asked else {})
    made = TrainSpec(**{**TRAIN[family], "batch_size": batch_size(rows), "epochs": epochs(family, rows, int(prepare.get("image_size") or side), quick=quick, folds=folds, heavy=heavy)})
    spec = network(family)
    if family == "conv2" and int(prepare.get("image_size") or side) > LARGE:
        spec = spec.model_copy(update={"options": {**spec.options, "stride": 2}})
    return ModelConfig(network=spec, train=made, seed=seed, prepare=prepare)


def scratch_control(made: ModelConfig, rows: int) -> ModelConfig | None:
    """The control of a network with pretrained weights: the same network from its own initialisation, all of it trained (A03, N01).

    As many epochs, three times the rate (random weights have further to go). None where no pretrained weights are used.
    """
    if made.network.options.get("scratch") or made.network.family not in ("pretrained", "features"):
        return None
    if made.network.family == "features":
        other = config("pretrained", rows, seed=made.seed)
        return other.model_copy(update={"network": other.network.model_copy(update={"options": {**other.network.options, **_weights(made), "scratch": True}}), "train": other.train.model_copy(update={"lr": 3 * other.train.lr})})
    network_too = made.network.model_copy(update={"options": {**made.network.options, "unfrozen": 3, "scratch": True}})
    return made.model_copy(update={"network": network_too, "train": made.train.model_copy(update={"lr": 3 * made.train.lr})})


def _weights(made: ModelConfig) -> dict[str, Any]:
    return {k: v for k, v in made.network.options.items() if k in ("weights", "arch")}


def _expected(path: Any) -> dict[str, Any]:
    """The side and the way of fitting that the weights' own file names, as options of a preparation."""
    said = expects.of(Path(path)) if path else None
    return {k: v for k, v in (("image_size", said.side), ("resize", said.resize)) if v} if said else {}


def _megabytes(path: Any) -> float:
    try:
        return Path(path).stat().st_size / 1e6 if path else 0.0
    except OSError:
        return 0.0


def context(value: Callable[[str], Any], reading: Mapping[str, Any]) -> dict[str, Any]:
    """What of the answers and of the profile the hooks of this recipe ask for."""
    side = int(value("approach.image_size") or reading.get("image_size") or 32)
    return {"side": side, "expected": _expected(value("approach.weights_file")), "asked": int(value("approach.image_size") or 0), "folds": int(value("data.folds") or 0), "weights": bool(value("approach.weights_file")), "heavy": _megabytes(value("approach.weights_file")), "channels": int(reading.get("channels") or 3)}


def recommended_family(rows: int, *, quick: bool = False, side: int = 32, weights: bool = False, channels: int = 3, folds: int = 0, heavy: float = 0.0, asked: int = 0, expected: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """The family of the train phase and why (A01, A13)."""
    if weights:
        if quick:
            return "features", "A quick look: features of the pretrained network are computed once, only a head is trained (T18)."
        long = WEIGHED * heavy * 1e6 * ((asked or (expected or {}).get("image_size") or 224) / 32) ** 2 * rows * max(folds, 1) * 4 / BUDGET["best"]
        if long > LONG:
            return "features", f"A large network: fine-tuning it takes {long:.0f} times as long as a default run on two cores. A head on its frozen features first; fine-tuning is among the ideas, or choose `pretrained` where there is a GPU (T18)."
        return "pretrained", "Pretrained weights are given: on few pictures nothing else gains as much (A03); the from-scratch control runs among the ideas."
    if side <= 32 and channels == 1:
        return "conv2", "Small grey pictures: two convolutions with batch norm come close to the best (A13)."
    if quick or rows < 500:
        return "conv2", "A quick look, or few pictures: two convolutions train in a minute."
    return "resnet20", "Residual networks are the proven start for pictures (He et al. 2015, A13)."


def train_defaults(*, rows: int, task: str, quick: bool = False, family: str = "", side: int = 32, weights: bool = False, channels: int = 3, folds: int = 0, heavy: float = 0.0, asked: int = 0, expected: Mapping[str, Any] | None = None) -> dict[str, tuple[Any, str]]:
    """Recommended answers of the train phase with reasons."""
    chosen = (family, "Your choice.") if family else recommended_family(rows, quick=quick, side=side, weights=weights, channels=channels, folds=folds, heavy=heavy, asked=asked, expected=expected)
    made = config(chosen[0], rows, quick=quick, side=side, folds=folds, heavy=heavy, asked=asked, expected=expected)
    looked, made = int(made.prepare.get("image_size") or side), made.train
    return {
        "family": chosen,
        "optimizer": (made.optimizer, "Adaptive steps need the least tuning (T07)."),
        "lr": (made.lr, "Measured for this family; the finder may say better for your pictures (T02)."),
        "schedule": (made.schedule, "One cycle: a good score in a fixed number of steps (T12)." if made.schedule == "one_cycle" else "A rate that falls to zero ends in a better place (T12)."),
        "epochs": (made.epochs, f"What fits some minutes on one or two cores with {rows:,} pictures of {looked} px{f', {folds} folds of them' if folds else ''}; the best epoch is kept."),
        "batch_size": (made.batch_size, "A power of two with enough batches an epoch (T20)."),
        "weight_decay": (made.weight_decay, "The family's usual value (R03)."),
    }


def policy(answers: Mapping[str, Any], *, side: int = 32, channels: int = 3, family: str = "") -> dict[str, Any]:
    """Augmentation that the answers about symmetries allow (D21, R05-R09): `mirror_ok`, `upside_down_ok`, `rotation_ok`, `colour_matters`, `text_in_image`.

    Text and digits are never mirrored or turned upside down; small shifts and turns keep any class.
    """
    if family == "features":
        return {}
    text = bool(answers.get("text_in_image"))
    out: dict[str, Any] = {"crop": max(1, round(side / (12 if channels == 1 else 8)))} if side <= 64 else {"resized_crop": 0.5}
    if answers.get("mirror_ok") and not text:
        if answers.get("upside_down_ok"):
            out["dihedral"] = True
        else:
            out["flip"] = 0.5
    elif answers.get("upside_down_ok") and not text:
        out["flip_vertical"] = 0.5
    if answers.get("rotation_ok") and not text:
        out["rotate"] = 180.0
    elif side <= 64:
        out["rotate"] = 10.0
    if channels == 3:
        out |= {"brightness": 0.2, "contrast": 0.2}
        if not answers.get("colour_matters"):
            out |= {"saturation": 0.2, "hue": 0.05}
    return out


def space(family: str = "", task: str = "multiclass", *, expert: bool = False, **_: Any) -> dict[str, dict[str, Any]]:
    """Search space as dotted config path -> distribution in the words of `engine.search` (T19-T22)."""
    family = family or "conv2"
    lr = TRAIN[family]["lr"]
    found: dict[str, dict[str, Any]] = {
        "train.lr": {"kind": "log", "lo": lr / 10, "hi": lr * 4}, "train.weight_decay": {"kind": "log", "lo": 1e-4, "hi": 2e-1},
        "train.label_smoothing": {"kind": "choice", "values": [0.0, 0.05, 0.1], "weights": [1, 1, 1]},
    }
    if family in WIDTHS:
        found["network.options.width"] = {"kind": "choice", "values": [WIDTHS[family] // 2, WIDTHS[family], WIDTHS[family] * 2], "weights": [1, 2, 1]}
        found["train.batch_size"] = {"kind": "choice", "values": [32, 64, 128, 256], "weights": [1, 1, 1, 1]}
    if family == "pretrained":
        found["network.options.unfrozen"] = {"kind": "choice", "values": [0, 1, 2, 3], "weights": [1, 1, 1, 2]}
    if expert:
        found["train.optimizer"] = {"kind": "choice", "values": ["adamw", "sgd"], "weights": [1, 1]}
    return found


def ideas(family: str = "", task: str = "multiclass") -> tuple[Technique, ...]:
    """Standard techniques that apply to a family and task, simplest first (I02, I03)."""
    return recipe_ideas.applicable(family or "conv2", task)


def first_recipe(side: int, weights: bool) -> str:
    """The analogy to start from."""
    return "pictures-photos" if weights else "pictures-small" if side <= 64 else "pictures-scratch"


def is_writing(classes: list[str]) -> bool:
    """Whether class names are digits or letters, which must not be mirrored (D21)."""
    return bool(classes) and sum(len(c.strip()) <= 1 for c in classes) >= math.ceil(0.8 * len(classes))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything of this module under one name, as `Kind.recipe` hands it out."""

    families: tuple[Family, ...] = FAMILIES
    smallest: str = "conv2"
    strong: str = "resnet20"
    losses: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(LOSSES))
    baselines: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(BASELINES))
    recipes: tuple[Analogy, ...] = ANALOGIES
    ladders: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(LADDERS))
    train_ladder: tuple[str, ...] = TRAIN_LADDER

    batch_size = staticmethod(batch_size)
    network = staticmethod(network)
    resolve = staticmethod(resolve)
    config = staticmethod(config)
    context = staticmethod(context)
    scratch_control = staticmethod(scratch_control)
    unfit = staticmethod(recipe_ideas.unfit)
    unfreezing = staticmethod(recipe_ideas.unfreezing)
    recommended_family = staticmethod(recommended_family)
    train_defaults = staticmethod(train_defaults)
    policy = staticmethod(policy)
    space = staticmethod(space)
    ideas = staticmethod(ideas)
    first_recipe = staticmethod(first_recipe)
    is_writing = staticmethod(is_writing)


RECIPE = Recipe()
