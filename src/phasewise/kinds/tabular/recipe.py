"""The recipe for tables: families, losses, baselines, training defaults, search space, ladders, first choices. Pure data, no torch."""

import math
from dataclasses import dataclass, field
from typing import Any

from phasewise.kinds.shared.techniques import Analogy, Family
from phasewise.kinds.tabular import recipe_ideas
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

WIDTH_LIMIT = 1024
WIDTHS = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
STEPS_AIM = 2000
"""Steps a run aims at: on adult, california-housing and covertype-15k the validation loss of TabM was flat beyond 1,500 to 2,200."""

FAMILIES: tuple[Family, ...] = (
    Family(id="linear", title="linear (softmax or least squares)"), Family(id="one_hidden", title="one hidden layer"),
    Family(id="mlp", title="MLP with embeddings and batch norm"), Family(id="realmlp", title="RealMLP-like"),
    Family(id="tabm", title="TabM: an ensemble in one network"),
)

LOSSES: dict[str, tuple[str, ...]] = {
    "regression": ("mse", "huber", "l1"), "multiclass": ("cross_entropy", "focal"), "binary": ("bce", "focal"),
}
"""Candidates by task, the usual first (A04-A06, A08); label smoothing and class weights are settings of the class losses."""

BASELINES: dict[str, tuple[str, ...]] = {
    "regression": ("dummy", "linear", "knn", "trees"), "multiclass": ("dummy", "linear", "knn", "trees"), "binary": ("dummy", "linear", "knn", "trees"),
}
"""Cheapest first (G02)."""

ANALOGIES: tuple[Analogy, ...] = (
    Analogy(id="table-small", title="A small table", family="one_hidden", reason="Below about 1,000 training rows one hidden layer is enough to see what a network can do (A10)."),
    Analogy(id="table-mixed", title="A mixed table of numbers and categories", family="tabm", reason="Entity embeddings and an ensemble in one network (Guo & Berkhahn 2016, TabM 2024)."),
    Analogy(id="table-numbers", title="A table of numbers", family="tabm", reason="Piecewise-linear embeddings let a network cut a number where a tree would (Gorishniy 2022)."),
)

LADDERS: dict[str, tuple[str, ...]] = {
    "cheapest_first": ("dropout-last", "dropout-earlier", "weight-decay", "smaller", "shallower", "architecture", "features", "more-data"),
    "step4": ("dropout-last", "dropout-earlier", "weight-decay", "normalise", "batch-norm", "more-data", "clip", "architecture", "smaller", "features"),
    "overfitting": ("more-data", "architecture", "dropout-last", "dropout-earlier", "weight-decay", "batch-norm", "smaller", "shallower"),
}
"""Ids of techniques in `recipe_ideas`, first rung first. R23: our own order (hygiene is done in earlier phases), the step-4 order of seed 003 (L04), the order of seed 000 (L05).
Augmentation is absent: tables have none here (R12)."""

TRAIN_LADDER = ("finder", "adam", "exponential", "staircase", "cosine", "restarts", "width", "batch", "depth", "objective")
"""Step-3 ladder (L03); `objective` is the permutation gate (T24). Unfreezing needs a pretrained network and is not among the tabular rungs."""

TABM_ONE_HOT = 64
"""Levels up to which TabM gets a column one-hot, as its paper has it; a look-up table above. With the 3,236 aeroplanes of hflights one-hot, nine tenths of a step were products with zeros."""
DEFAULT_NETWORK: dict[str, dict[str, Any]] = {
    "linear": {}, "one_hidden": {},
    "mlp": {"hidden": [256, 128], "batch_norm": True, "dropout": [0.1, 0.1]},
    "tabm": {"hidden": [128, 128], "members": 16, "numeric_embedding": "piecewise_linear", "options": {"one_hot_limit": TABM_ONE_HOT}},
    "realmlp": {"hidden": [256, 256, 256], "numeric_embedding": "piecewise_linear", "activation": "mish"},
}
DEFAULT_TRAIN: dict[str, dict[str, Any]] = {
    "linear": {"optimizer": "adam", "lr": 1e-2, "schedule": "cosine"},
    "one_hidden": {"optimizer": "adam", "lr": 1e-3, "schedule": "constant"},
    "mlp": {"optimizer": "adamw", "lr": 3e-3, "schedule": "cosine", "weight_decay": 1e-2},
    "tabm": {"optimizer": "adamw", "lr": 1e-2, "schedule": "cosine", "weight_decay": 3e-4, "clip_norm": 1.0, "patience": 12},
    "realmlp": {"optimizer": "adamw", "lr": 2e-2, "schedule": "cosine", "clip_norm": 1.0, "patience": 16},
}


def midpoint(inputs: int, outputs: int) -> int:
    """Hidden width half-way between inputs (AFTER encoding) and outputs, rounded half up, clamped (A11): iris 4, wine 8, digits 37."""
    return clamped((inputs + outputs) / 2, outputs)


def by_samples(rows: int, inputs: int, outputs: int, divisor: float = 5.0) -> int:
    """Hidden width N_s / (a (N_i + N_o)) with a from 2 to 10 and N_s TRAIN rows, rounded half up, clamped (A12): a starting point only."""
    return clamped(rows / (divisor * (inputs + outputs)), outputs)


def clamped(width: float, outputs: int) -> int:
    """Rounded half up and clamped to [max(2, outputs), 1024]; Python's own rounding would give 4 for 4.5."""
    return min(max(math.floor(width + 0.5), max(2, outputs)), WIDTH_LIMIT)


def batch_size(rows: int) -> int:
    """Batch size by training rows: at least about 16 batches an epoch, powers of two (T20)."""
    for size, least in ((1024, 400_000), (512, 100_000), (256, 8_000), (128, 2_000), (64, 800)):
        if rows >= least:
            return size
    return 32


def epochs(rows: int, batch: int, *, quick: bool = False) -> int:
    """Epochs that make about 2,000 steps (a quarter when quick), within [6, 60]."""
    steps = max(1, math.ceil(rows / batch))
    aim = STEPS_AIM / 4 if quick else STEPS_AIM
    return min(max(round(aim / steps), 3 if quick else 6), 60)


def network(family: str, **changes: Any) -> NetworkSpec:
    """The network of a family with its defaults, and changes on top."""
    return NetworkSpec(family=family, **{**DEFAULT_NETWORK[family], **changes})


def resolve(spec: NetworkSpec) -> NetworkSpec:
    """A spec with what was left open (no widths, one implicit member, no numeric embedding) filled from its family's defaults.

    A family's own kinds of embedding are its definition; plain numbers are asked for by `options={"plain_numbers": True}`.
    """
    own = DEFAULT_NETWORK.get(spec.family, {})
    changes: dict[str, Any] = {}
    if not spec.hidden and "hidden" in own and spec.family in ("tabm", "realmlp", "mlp"):
        changes["hidden"] = own["hidden"]
        if not spec.dropout:
            changes["dropout"] = own.get("dropout", [])
        changes["options"] = {**own.get("options", {}), **spec.options}
    if spec.family == "tabm" and spec.members == 1:
        changes["members"] = own["members"]
    if spec.family in ("tabm", "realmlp") and spec.numeric_embedding == "none" and not spec.options.get("plain_numbers"):
        changes["numeric_embedding"] = own["numeric_embedding"]
    if spec.family == "realmlp" and spec.activation == "relu":
        changes["activation"] = own["activation"]
    return spec.model_copy(update=changes) if changes else spec


def config(family: str, rows: int, *, quick: bool = False, seed: int = 0) -> ModelConfig:
    """Network and training of a family with default answers for a number of training rows."""
    size = batch_size(rows)
    train = TrainSpec(**{**DEFAULT_TRAIN[family], "batch_size": size, "epochs": epochs(rows, size, quick=quick)})
    return ModelConfig(network=network(family), train=train, seed=seed)


def recommended_family(task: str, rows: int, *, quick: bool = False) -> tuple[str, str]:
    """The family of the train phase and why (A01): one hidden layer on little data, the MLP for a quick look, TabM for the best result."""
    if rows < 800:
        return "one_hidden", f"{rows:,} training rows: a larger network has nothing to learn from (A10); expect a linear or tree model to win."
    if quick:
        return "mlp", "A quick look: the MLP trains in seconds (T07)."
    return "tabm", "The strongest of our networks on the bundled tables with default settings (arXiv 2410.24210); boosted trees may still win and are shown beside it."


def train_defaults(*, rows: int, task: str, quick: bool = False, family: str = "") -> dict[str, tuple[Any, str]]:
    """Recommended answers of the train phase with reasons: family, optimizer, lr, schedule, epochs, batch_size, weight_decay, clip_norm."""
    chosen = (family, "Your choice.") if family else recommended_family(task, rows, quick=quick)
    made = config(chosen[0], rows, quick=quick).train
    aim = STEPS_AIM // 4 if quick else STEPS_AIM
    found: dict[str, tuple[Any, str]] = {
        "family": chosen,
        "optimizer": (made.optimizer, "Adaptive steps need the least tuning (T07)."),
        "lr": (made.lr, "Measured on the bundled tables for this family; the finder may say better for yours (T02)."),
        "schedule": (made.schedule, "A rate that falls to zero ends in a better place than a constant one (T12)." if made.schedule == "cosine" else "The smallest network needs no schedule (B01)."),
        "epochs": (made.epochs, f"About {aim:,} steps with {rows:,} rows; the best epoch is kept."),
        "batch_size": (made.batch_size, "A power of two with at least about 16 batches an epoch (T20)."),
        "weight_decay": (made.weight_decay, "The family's usual value, to be tuned in the next phase (R03)."),
    }
    if made.clip_norm:
        found["clip_norm"] = (made.clip_norm, "Cuts the rare huge gradient (T27).")
    return found


def space(family: str = "", task: str = "binary", *, inputs: int = 32, outputs: int = 1, expert: bool = False) -> dict[str, dict[str, Any]]:
    """Search space as dotted config path -> distribution in the words of `engine.search` (T19-T22); Adam's betas and epsilon are not in it (T23).

    `{"kind": "log" | "uniform" | "int", "lo", "hi"}`, `{"kind": "choice", "values", "weights"}`, `{"kind": "layers", "depth", "widths"}`,
    `{"kind": "per_layer", "lo", "hi"}`. No grid exists. Widths are those of the engine's grid, so that stacked members need no padding.
    """
    family = family or "mlp"
    lr = DEFAULT_TRAIN[family]["lr"]
    found: dict[str, dict[str, Any]] = {
        "train.lr": {"kind": "log", "lo": lr / 10, "hi": lr * 5},
        "train.weight_decay": {"kind": "log", "lo": 1e-6, "hi": 1e-1},
        "train.batch_size": {"kind": "choice", "values": [64, 128, 256, 512, 1024], "weights": [1, 1, 1, 1, 0.1]},
    }
    if family == "one_hidden":
        start = midpoint(inputs, outputs)
        near = [w for w in WIDTHS if start / 4 <= w <= max(64, start * 4)]
        found["network.hidden"] = {"kind": "layers", "depth": [1], "widths": near}
    elif family == "mlp":
        found["network.hidden"] = {"kind": "layers", "depth": [1, 2, 3, 4], "widths": [w for w in WIDTHS if w >= 32]}
        found["network.dropout"] = {"kind": "per_layer", "lo": 0.0, "hi": 0.5}
        found["network.batch_norm"] = {"kind": "choice", "values": [True, False], "weights": [1, 1]}
    elif family in ("tabm", "realmlp"):
        found["network.hidden"] = {"kind": "layers", "depth": [1, 2, 3], "widths": [64, 96, 128, 192, 256]}
        found["network.dropout"] = {"kind": "per_layer", "lo": 0.0, "hi": 0.3}
        found["network.options.bins"] = {"kind": "choice", "values": [16, 24, 32, 48, 64], "weights": [1, 1, 1, 1, 1]}
    if task != "regression":
        found["train.label_smoothing"] = {"kind": "choice", "values": [0.0, 0.05, 0.1], "weights": [2, 1, 1]}
    if expert:
        found["train.optimizer"] = {"kind": "choice", "values": ["adamw", "adam", "sgd"], "weights": [1, 1, 1]}
        found["train.schedule"] = {"kind": "choice", "values": ["cosine", "one_cycle", "constant"], "weights": [1, 1, 1]}
    return found


def expert_space(family: str = "") -> dict[str, dict[str, Any]]:
    """The space with optimiser and schedule in it."""
    return space(family, expert=True)


def ideas(family: str = "", task: str = "binary") -> tuple[recipe_ideas.Technique, ...]:
    """Standard techniques that apply to a family and task, simplest first, each with estimates and the diagnoses it cures (I02, I03)."""
    return recipe_ideas.applicable(family or "mlp", task)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything of this module under one name, as `Kind.recipe` hands it out."""

    families: tuple[Family, ...] = FAMILIES
    smallest: str = "one_hidden"
    strong: str = "tabm"
    losses: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(LOSSES))
    baselines: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(BASELINES))
    recipes: tuple[Analogy, ...] = ANALOGIES
    ladders: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(LADDERS))
    train_ladder: tuple[str, ...] = TRAIN_LADDER

    midpoint = staticmethod(midpoint)
    by_samples = staticmethod(by_samples)
    batch_size = staticmethod(batch_size)
    epochs = staticmethod(epochs)
    network = staticmethod(network)
    resolve = staticmethod(resolve)
    config = staticmethod(config)
    recommended_family = staticmethod(recommended_family)
    train_defaults = staticmethod(train_defaults)
    space = staticmethod(space)
    expert_space = staticmethod(expert_space)
    ideas = staticmethod(ideas)


RECIPE = Recipe()
