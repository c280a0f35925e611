"""Standard techniques for pictures as ideas with estimates (I02, I03): pure data, read by the backlog."""

from collections.abc import Collection, Mapping
from typing import Any

from phasewise.kinds.shared import techniques
from phasewise.kinds.shared.techniques import BIAS, BOTH, FAILURE, HEALTHY, VARIANCE, Technique

PIXELS = ("conv2", "resnet20", "resnet32", "resnet56", "resnet18", "pretrained")
SCRATCH = ("conv2", "resnet20", "resnet32", "resnet56", "resnet18")
FINE_TUNED: dict[str, Any] = {"network.family": "pretrained", "network.options.unfrozen": 3, "prepare.features": False, "prepare.image_size": 224, "train.lr": 1e-3}
"""From a head on frozen features to a body that trains along."""


def _augment(id: str, title: str, key: str, value: Any, **kw: Any) -> Technique:
    return Technique(id=id, title=title, category="augment", change={f"network.options.augment.{key}": value}, cures=(VARIANCE, BOTH), families=PIXELS, **kw)


TECHNIQUES: tuple[Technique, ...] = (
    # augmentation (R05-R11); what the symmetry answers forbid is not offered (`unfit`)
    _augment("mirror", "mirror left-right", "flip", 0.5, source="R05", likelihood=0.35, why="Only where a mirrored picture keeps its class (D21)."),
    _augment("shift-more", "larger random crops", "crop", 4, source="R08", likelihood=0.3),
    _augment("rotate", "rotation up to 15 degrees", "rotate", 15.0, source="R05", likelihood=0.2),
    _augment("zoom-crop", "random crops of 35 to 100 % of the area", "resized_crop", 0.35, source="R08", likelihood=0.2, why="For pictures in which the thing has many sizes."),
    _augment("light", "brightness and contrast", "brightness", 0.2, source="R06", likelihood=0.2),
    _augment("colour", "saturation and hue", "saturation", 0.2, source="R06", likelihood=0.15),
    _augment("blur", "random blur", "blur", 0.3, source="R07", likelihood=0.05),
    _augment("erase", "random erasing", "erase", 0.25, source="1708.04896", complexity=2, likelihood=0.2),
    _augment("mixup", "mixup 0.2", "mixup", 0.2, source="1710.09412", complexity=2, likelihood=0.25),
    _augment("cutmix", "cutmix 1.0", "cutmix", 1.0, source="1905.04899", complexity=2, likelihood=0.25),
    Technique(id="minority", title="augment rare classes more", category="augment", source="D14", change={"prepare.minority": True}, cures=(VARIANCE, HEALTHY), families=PIXELS, complexity=2, likelihood=0.1),
    # transfer (N01, T17, T18)
    Technique(id="scratch-control", title="the same network from scratch", category="transfer", source="A03", change={"network.options.scratch": True, "train.lr": "*3"}, cures=(BIAS, VARIANCE, HEALTHY, BOTH), families=("pretrained",), likelihood=0.1, why="The control: what the pretrained weights are worth (a narrow source may not help)."),
    Technique(id="head-only", title="train the head only", category="transfer", source="T18", change={"network.options.unfrozen": 0}, cures=(VARIANCE,), families=("pretrained",), likelihood=0.2),
    Technique(id="last-stage", title="train the last stage and the head", category="transfer", source="T18", change={"network.options.unfrozen": 1}, cures=(VARIANCE, HEALTHY), families=("pretrained",), likelihood=0.25),
    Technique(id="gradual", title="free the layers one stage an epoch, from the head down", category="transfer", source="T18", change={"network.options.unfreeze_every": 1}, cures=(VARIANCE, HEALTHY), families=("pretrained",), complexity=2, likelihood=0.15),
    Technique(id="rates", title="smaller steps for earlier layers (/2.6)", category="transfer", source="T17", change={"network.options.layer_lr": "ulmfit"}, cures=(VARIANCE, HEALTHY), families=("pretrained",), complexity=2, likelihood=0.15),
    Technique(id="fine-tune", title="fine-tune all layers", category="transfer", source="N01", change=FINE_TUNED, cures=(BIAS, HEALTHY, BOTH), families=("features",), complexity=2, likelihood=0.3),
    # optimisation
    Technique(id="lr-down", title="learning rate divided by 3", category="optimise", source="T02", change={"train.lr": "/3"}, cures=(FAILURE, HEALTHY), likelihood=0.2),
    Technique(id="lr-up", title="learning rate times 3", category="optimise", source="T02", change={"train.lr": "*3"}, cures=(BIAS, HEALTHY), likelihood=0.2),
    Technique(id="longer", title="twice the epochs", category="optimise", source="003", change={"train.epochs": "*2"}, cures=(BIAS, BOTH), likelihood=0.35, why="Augmented pictures are new ones: longer training still pays (R10)."),
    Technique(id="ema", title="average of the weights over training", category="regularise", source="1803.05407", change={"train.ema": 0.99}, cures=(VARIANCE, HEALTHY), complexity=2, likelihood=0.2),
    Technique(id="label-smoothing", title="label smoothing 0.1", category="regularise", source="A05", change={"train.label_smoothing": 0.1}, cures=(VARIANCE, HEALTHY), likelihood=0.2),
    Technique(id="weight-decay", title="weight decay 0.05", category="regularise", source="R03", change={"train.weight_decay": 5e-2}, cures=(VARIANCE, BOTH), likelihood=0.15),
    Technique(id="dropout", title="dropout 0.5 before the head", category="regularise", source="R01", change={"network.dropout": [0.5]}, cures=(VARIANCE, BOTH), families=PIXELS, likelihood=0.2),
    Technique(id="class-weights", title="balanced class weights", category="loss", source="D11", change={"train.class_weights": "balanced"}, cures=(HEALTHY, BIAS), likelihood=0.1),
    Technique(id="focal", title="focal loss", category="loss", source="1708.02002", change={"train.loss": "focal"}, cures=(HEALTHY, BOTH), complexity=2, likelihood=0.05),
    # architecture
    Technique(id="batch-norm", title="batch normalisation", category="architecture", source="R04", change={"network.batch_norm": True}, cures=(FAILURE, BIAS), families=("conv2",), likelihood=0.4),
    Technique(id="wider", title="twice the channels", category="architecture", source="T19", change={"network.options.width": "*2"}, cures=(BIAS,), families=SCRATCH, complexity=2, likelihood=0.3),
    Technique(id="narrower", title="half the channels", category="architecture", source="R15", change={"network.options.width": "/2"}, cures=(VARIANCE,), families=SCRATCH, likelihood=0.1),
    Technique(id="resnet20", title="ResNet-20 instead of two convolutions", category="architecture", source="A13", change={"network.family": "resnet20", "network.options.width": 16}, cures=(BIAS, BOTH, HEALTHY), families=("conv2",), complexity=3, likelihood=0.4),
    Technique(id="deeper", title="ResNet-32 instead of ResNet-20", category="architecture", source="A13", change={"network.family": "resnet32"}, cures=(BIAS,), families=("resnet20",), complexity=3, likelihood=0.25),
    Technique(id="larger-pictures", title="pictures of twice the side", category="data", source="R08", change={"prepare.image_size": "*2"}, cures=(BIAS, HEALTHY), complexity=3, likelihood=0.2, by_hand=True),
    # a person acts first
    Technique(id="more-data", title="more pictures", category="data", source="R13", cures=(VARIANCE, BOTH), complexity=4, likelihood=0.35, by_hand=True, why="The learning curve says what they are worth (D16)."),
    Technique(id="weights", title="pretrained weights", category="transfer", source="A03", cures=(VARIANCE, BIAS, BOTH), families=SCRATCH, complexity=2, likelihood=0.5, by_hand=True, why="Name a weights file in the approach: on small sets nothing else gains as much."),
    Technique(id="labels", title="a second look at the labels of the worst errors", category="data", source="D18", cures=(BIAS, BOTH), complexity=3, likelihood=0.2, by_hand=True),
)


EVEN = 0.5
"""Share of the rarest class in the most frequent one from which on cures of rare classes are no ideas."""
SMALL = 64
"""Pixels of a side up to which a shift of a few pixels is a change."""


def unfit(answers: Mapping[str, Any], said: Collection[str], *, side: int, rarest: float, controlled: bool, channels: int = 3) -> set[str]:
    """Ids of techniques that are no ideas for these pictures: what the symmetry answers forbid (D21), cures of rare classes where none is rare, controls already run, colours of grey pictures.

    `answers` are those about symmetries, `said` the ones that a person gave: a recommended no to turns or colours only means untested.
    `rarest` is the share of the rarest class in the most frequent one.
    """
    out: set[str] = set()
    if not answers.get("mirror_ok") or answers.get("text_in_image"):
        out.add("mirror")
    if answers.get("text_in_image") or ("rotation_ok" in said and not answers.get("rotation_ok")):
        out.add("rotate")
    if "colour_matters" in said and answers.get("colour_matters"):
        out.add("colour")
    if channels == 1:
        out.add("colour")
    if side > SMALL:
        out.add("shift-more")
    if rarest >= EVEN:
        out |= {"class-weights", "minority"}
    if controlled:
        out.add("scratch-control")
    return out


def unfreezing(network: Any) -> tuple[dict[str, Any], str]:
    """The change that lets more layers of a network train, or an empty one with the reason why there is none (L03, T18)."""
    if network.family == "features":
        return dict(FINE_TUNED), ""
    if network.family != "pretrained" or int(network.options.get("unfrozen", 0)) >= 3:
        return {}, "every layer trains already"
    return {"network.options.unfrozen": 3}, ""


def applicable(family: str, task: str) -> tuple[Technique, ...]:
    """Techniques for a family and task, simplest first, then likeliest."""
    return techniques.applicable(TECHNIQUES, family, task)
