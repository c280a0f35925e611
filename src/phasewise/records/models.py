"""What a network is and how it is trained: the specs that jobs carry and the engine reads."""

from typing import Any, Literal

from pydantic import Field

from phasewise.records.base import Record, no_items


class NetworkSpec(Record):
    """A network of one family; what the family does not use is ignored and left at its default."""

    family: str
    """tabular: `linear`, `one_hidden`, `mlp`, `tabm`, `realmlp`; images: `conv2`, `resnet20`, `resnet32`, `resnet56`, `resnet18`, `pretrained`."""
    hidden: list[int] = Field(default_factory=no_items)
    dropout: list[float] = Field(default_factory=no_items)
    """One probability per hidden layer, first layer first; empty means none."""
    batch_norm: bool = False
    activation: Literal["relu", "gelu", "silu", "mish", "selu", "tanh", "sigmoid"] = "relu"
    init: str = "he_normal"
    embeddings: bool = True
    embedding_rule: Literal["fastai", "half"] = "fastai"
    numeric_embedding: Literal["none", "piecewise_linear", "periodic"] = "none"
    members: int = Field(1, ge=1)
    """Implicit ensemble size inside one network (TabM's k)."""
    options: dict[str, Any] = Field(default_factory=dict)


class TrainSpec(Record):
    """How one member is trained; budgets are epochs or steps, never seconds."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "adadelta", "swats"] = "adamw"
    lr: float = Field(1e-3, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "exponential", "staircase", "manual", "plateau", "cosine", "restarts", "cyclic", "one_cycle"] = "constant"
    schedule_options: dict[str, Any] = Field(default_factory=dict)
    """`gamma`, `step`, `milestones`, `rates`, `lo`, `hi`, `cycle_len`, `cycle_mult`, `warmup`, `patience`, `factor`; units are epochs. `keys`: [[step, factor], ...] asked for while it ran."""
    switch_epoch: int | None = Field(None, ge=1)
    """`swats`: leave Adam after this many epochs, whatever the projected rate does (T08); none: automatic."""
    switch_lr: float | None = Field(None, gt=0)
    """`swats`: the SGD rate after a switch by hand; none: the best of a short grid tried from the weights of that moment."""
    batch_size: int = Field(256, ge=1)
    epochs: int = Field(20, ge=1)
    loss: str = "auto"
    """`auto` (A04-A06), `cross_entropy`, `focal`, `mse`, `l1`, `huber`, `bce`."""
    loss_options: dict[str, Any] = Field(default_factory=dict)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced", "effective"] = "none"
    sampling: Literal["none", "over", "under", "smote"] = "none"
    clip_norm: float | None = Field(None, gt=0)
    clip_value: float | None = Field(None, gt=0)
    """Limits of the gradient's norm and of each of its elements (T27)."""
    patience: int | None = Field(None, ge=1)
    """Epochs without a better validation objective before a member stops; best weights are kept either way."""
    precision: Literal["auto", "fp32", "tf32", "bf16"] = "auto"
    augment: dict[str, Any] = Field(default_factory=dict)
    ema: float | None = Field(None, ge=0, lt=1)
    """Decay of an exponential moving average of the weights, or none."""


class ModelConfig(Record):
    """A complete, reproducible description of one model to fit."""

    network: NetworkSpec
    train: TrainSpec = TrainSpec()
    seed: int = 0
    prepare: dict[str, Any] = Field(default_factory=dict)
    """Options of the kind's preparing step (numeric transform, feature list, PCA, image size ...)."""


def apply_change(config: ModelConfig, change: dict[str, Any]) -> ModelConfig:
    """A config with a flat diff applied: keys are dotted paths such as `train.lr` or `network.dropout`.

    Values replace; a text `*2` or `/3` on a number or a list of numbers multiplies or divides it, `push` repeats the last entry of a
    list and `pop` drops it (so an idea can be stated against any incumbent). Dropout rates follow the number of hidden layers.
    """
    data = config.model_dump()
    before = len(data["network"]["hidden"])
    for path, value in change.items():
        node = data
        *parents, last = path.split(".")
        for name in parents:
            node = node[name]
        if not isinstance(node, dict):
            raise KeyError(f"{path} leads into a plain value")
        node[last] = _relative(node.get(last), value)
    network = data["network"]
    if isinstance(network["hidden"], list) and isinstance(network["dropout"], list):
        network["dropout"] = _per_layer(network["dropout"], len(network["hidden"]), from_head=len(network["hidden"]) == before)
    return ModelConfig.model_validate(data)


def _per_layer(rates: list[float], layers: int, *, from_head: bool) -> list[float]:
    """One rate a layer: those of new last layers repeat the last; rates stated for another depth (`from_head`) belong to the last layers."""
    if not rates or not layers:
        return rates
    missing = max(0, layers - len(rates))
    return (rates[:1] * missing + rates)[-layers:] if from_head else (rates + rates[-1:] * missing)[:layers]


def _relative(old: Any, value: Any) -> Any:
    if not isinstance(value, str) or isinstance(old, bool) or not isinstance(old, int | float | list):
        return value
    if isinstance(old, list):
        if value == "pop":
            return old[:-1] if len(old) > 1 else old
        if value == "push":
            return old + old[-1:]
        return [_relative(x, value) for x in old]
    if value[:1] not in ("*", "/"):
        return value
    factor = float(value[1:])
    new = old * factor if value[0] == "*" else old / factor
    return max(1, int(new + 0.5)) if isinstance(old, int) else new
