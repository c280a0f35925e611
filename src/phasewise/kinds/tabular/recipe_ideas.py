"""Standard techniques for tables as ideas with estimates (I02, I03): pure data, read by the backlog."""

from typing import Any

from phasewise.kinds.shared import techniques
from phasewise.kinds.shared.techniques import BIAS, BOTH, CLASSES, FAILURE, HEALTHY, VARIANCE, Technique

DENSE = ("one_hidden", "mlp")
WIDE = ("mlp", "tabm", "realmlp")


def applicable(family: str, task: str) -> tuple[Technique, ...]:
    """Techniques for a family and task, simplest first, then likeliest."""
    return techniques.applicable(TECHNIQUES, family, task)


def _dropout(id: str, title: str, value: list[float], **kw: Any) -> Technique:
    return Technique(id=id, title=title, category="regularise", change={"network.dropout": value}, cures=(VARIANCE, BOTH), **kw)


TECHNIQUES: tuple[Technique, ...] = (
    # optimiser, learning rate, initialisation, loss (T06, T19-T28, A08)
    Technique(id="lr-down", title="learning rate divided by 3", category="optimise", source="T02", change={"train.lr": "/3"}, cures=(FAILURE, HEALTHY), likelihood=0.15, why="A rate near the edge of stability costs accuracy at the end."),
    Technique(id="lr-up", title="learning rate times 3", category="optimise", source="T02", change={"train.lr": "*3"}, cures=(BIAS, HEALTHY), likelihood=0.15, why="A slow fit looks like a small network."),
    Technique(id="adam", title="AdamW instead of SGD", category="optimise", source="T05", change={"train.optimizer": "adamw"}, cures=(FAILURE, BIAS), likelihood=0.4, why="Ill-conditioned inputs slow SGD down; run the finder again."),
    Technique(id="one-cycle", title="one-cycle schedule", category="optimise", source="1506.01186", change={"train.schedule": "one_cycle"}, cures=(BIAS, HEALTHY), likelihood=0.2),
    Technique(id="cosine", title="cosine decay", category="optimise", source="T12", change={"train.schedule": "cosine"}, cures=(BIAS, HEALTHY), likelihood=0.3),
    Technique(id="longer", title="twice the epochs", category="optimise", source="003", change={"train.epochs": "*2"}, cures=(BIAS, HEALTHY), likelihood=0.3, why="Training still improved when it ended."),
    Technique(id="clip", title="gradient clipping at norm 1", category="optimise", source="T27", change={"train.clip_norm": 1.0}, cures=(FAILURE,), likelihood=0.3),
    Technique(id="orthogonal", title="orthogonal initialisation", category="optimise", source="T28", change={"network.init": "orthogonal"}, cures=(FAILURE, BIAS), families=DENSE, likelihood=0.05),
    Technique(id="batch-smaller", title="batch size halved", category="optimise", source="T20", change={"train.batch_size": "/2"}, cures=(VARIANCE, HEALTHY), likelihood=0.15),
    Technique(id="focal", title="focal loss", category="loss", source="1708.02002", change={"train.loss": "focal"}, cures=(HEALTHY, BOTH), tasks=CLASSES, complexity=2, likelihood=0.1),
    Technique(id="huber", title="Huber loss", category="loss", source="A08", change={"train.loss": "huber"}, cures=(HEALTHY, VARIANCE, BOTH), tasks=("regression",), likelihood=0.15, why="Gross outliers pull squared error away from the bulk."),
    Technique(id="l1", title="absolute error as the loss", category="loss", source="A08", change={"train.loss": "l1"}, cures=(HEALTHY,), tasks=("regression",), likelihood=0.1),
    Technique(id="label-smoothing", title="label smoothing 0.1", category="regularise", source="A05", change={"train.label_smoothing": 0.1}, cures=(VARIANCE, HEALTHY), tasks=CLASSES, likelihood=0.15),
    Technique(id="class-weights", title="balanced class weights", category="loss", source="D11", change={"train.class_weights": "balanced"}, cures=(HEALTHY, BIAS), tasks=CLASSES, likelihood=0.15, why="Rare classes count as much as common ones; probabilities shift (D04)."),
    # regularisation (R01-R04, R15)
    _dropout("dropout-last", "dropout 0.25 before the last layer", [0.0, 0.25], source="R01", likelihood=0.25, families=("mlp",)),
    _dropout("dropout-last-half", "dropout 0.5 before the last layer", [0.0, 0.5], source="R01", likelihood=0.2, families=("mlp",)),
    _dropout("dropout-earlier", "dropout 0.25 on every layer", [0.25, 0.25], source="R02", likelihood=0.25, families=("mlp", "tabm")),
    _dropout("dropout-one", "dropout 0.25 on the hidden layer", [0.25], source="R01", likelihood=0.2, families=("one_hidden",)),
    Technique(id="weight-decay", title="weight decay 0.01", category="regularise", source="R03", change={"train.weight_decay": 1e-2}, cures=(VARIANCE, BOTH), likelihood=0.2),
    Technique(id="weight-decay-more", title="weight decay 0.1", category="regularise", source="R03", change={"train.weight_decay": 1e-1}, cures=(VARIANCE,), likelihood=0.1),
    Technique(id="early-stop", title="stop after 5 epochs without gain", category="regularise", source="V13", change={"train.patience": 5}, cures=(VARIANCE,), likelihood=0.1),
    Technique(id="ema", title="average of the weights over training", category="regularise", source="1803.05407", change={"train.ema": 0.99}, cures=(VARIANCE, HEALTHY), complexity=2, likelihood=0.2),
    Technique(id="smaller", title="half the units in every layer", category="architecture", source="R15", change={"network.hidden": "/2"}, cures=(VARIANCE,), families=(*DENSE, *WIDE), likelihood=0.15),
    Technique(id="shallower", title="one hidden layer less", category="architecture", source="R15", change={"network.hidden": "pop"}, cures=(VARIANCE,), families=WIDE, likelihood=0.1),
    # architecture (R17, R18, A10, N04)
    Technique(id="batch-norm", title="batch normalisation", category="architecture", source="R04", change={"network.batch_norm": True}, cures=(FAILURE, BIAS, VARIANCE), families=DENSE, complexity=2, likelihood=0.25),
    Technique(id="wider", title="twice the units in every layer", category="architecture", source="T19", change={"network.hidden": "*2"}, cures=(BIAS,), likelihood=0.25, families=(*DENSE, *WIDE)),
    Technique(id="deeper", title="one hidden layer more", category="architecture", source="T21", change={"network.hidden": "push"}, cures=(BIAS,), likelihood=0.2, families=WIDE),
    Technique(id="second-layer", title="a second hidden layer", category="architecture", source="T21", change={"network.family": "mlp", "network.hidden": "push"}, cures=(BIAS,), likelihood=0.2, families=("one_hidden",)),
    Technique(id="tabm", title="TabM instead of the plain MLP", category="architecture", source="2410.24210", change={"network.family": "tabm"}, cures=(BIAS, VARIANCE, BOTH, HEALTHY), families=DENSE, complexity=3, likelihood=0.4),
    Technique(id="architecture", title="RealMLP instead of this network", category="architecture", source="2407.04491", change={"network.family": "realmlp"}, cures=(BIAS, VARIANCE, BOTH, HEALTHY), families=(*DENSE, "tabm"), complexity=3, likelihood=0.2),
    Technique(id="more-members", title="twice the members inside TabM", category="ensemble", source="2410.24210", change={"network.members": "*2"}, cures=(VARIANCE, HEALTHY), families=("tabm",), complexity=2, likelihood=0.3),
    Technique(id="bins", title="24 bins for numbers instead of 48", category="architecture", source="2203.05556", change={"network.options.bins": 24}, cures=(VARIANCE, HEALTHY), families=("tabm", "realmlp"), likelihood=0.15),
    Technique(id="periodic", title="periodic embeddings of numbers", category="architecture", source="2203.05556", change={"network.numeric_embedding": "periodic"}, cures=(HEALTHY, BIAS), families=("tabm", "realmlp"), complexity=2, likelihood=0.1),
    Technique(id="small-tables", title="narrower category tables (half rule)", category="architecture", source="N05", change={"network.embedding_rule": "half"}, cures=(VARIANCE,), families=DENSE, likelihood=0.05),
    # data, features, labels, non-deep (D16-D18, R13, R16, R19-R21, G02): a person acts first
    Technique(id="normalise", title="quantile-normal numbers", category="data", source="D08", change={"prepare.numbers": "quantile"}, cures=(FAILURE, BIAS, HEALTHY), families=DENSE, complexity=2, likelihood=0.2),
    Technique(id="more-data", title="more rows", category="data", source="R13", cures=(VARIANCE, BOTH), complexity=4, likelihood=0.3, by_hand=True, why="The learning curve says what they are worth (D16)."),
    Technique(id="weak-slices", title="more rows for the weakest slice", category="data", source="D17", cures=(VARIANCE, HEALTHY), complexity=4, likelihood=0.25, by_hand=True, why="The slices of the inspection name it (V04)."),
    Technique(id="labels", title="a second look at the labels of the worst errors", category="data", source="D18", cures=(BIAS, BOTH), complexity=3, likelihood=0.2, by_hand=True),
    Technique(id="features", title="drop columns without permutation importance", category="features", source="R16", cures=(VARIANCE,), complexity=2, likelihood=0.1, by_hand=True),
    Technique(id="curriculum", title="easy rows first", category="data", source="R19", cures=(BIAS, FAILURE), complexity=4, likelihood=0.05, by_hand=True),
    Technique(id="auxiliary", title="a second target to learn along", category="data", source="R20", cures=(VARIANCE,), complexity=3, likelihood=0.1, by_hand=True, why="Name a column that is known for the training rows only: approach.auxiliary."),
    Technique(id="domain-layer", title="a layer that encodes what you know", category="architecture", source="R21", cures=(BIAS, VARIANCE), complexity=5, likelihood=0.15, by_hand=True),
    Technique(id="non-deep", title="ship the boosted trees instead", category="other", source="G02", cures=(BIAS, VARIANCE, BOTH, FAILURE), complexity=1, likelihood=0.3, by_hand=True, why="Where they win, the baseline is the better product."),
    Technique(id="evaluation", title="measure the slices automatically after every run", category="other", source="V14", cures=(HEALTHY,), complexity=2, likelihood=0.1, by_hand=True),
)
