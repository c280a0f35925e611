"""From answers to a complete, reproducible model configuration."""

import math
from typing import Any

from phasewise.records import trust
from phasewise.records.answers.train import rate_keys, widths
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.workflow import recipes


def midpoint(inputs: int, outputs: int) -> int:
    """Hidden width half way between inputs and outputs, rounded half up (A11)."""
    return min(max(math.floor((inputs + outputs) / 2 + 0.5), max(2, outputs)), 1024)


def by_samples(rows: int, inputs: int, outputs: int, divisor: float) -> int:
    """Hidden width by the number of training rows, N_s / (a (N_i + N_o)) (A12)."""
    return min(max(math.floor(rows / (divisor * (inputs + outputs)) + 0.5), max(2, outputs)), 1024)


def outputs(view: Any) -> int:
    """Output units: one for a number or two classes, else the number of classes."""
    profile = view.profile()
    if view.value("data.task") == "multiclass" and profile is not None:
        return max(len(profile.classes), 2)
    return 1


def inputs(view: Any) -> int:
    """Input units after encoding: one a number, an embedding (fastai's rule) or one-hot columns a category."""
    profile = view.profile()
    if profile is None:
        return 1
    roles = view.value("data.roles") or {}
    total = 0
    for column in profile.columns:
        role = roles.get(column.name, column.role)
        if column.name == view.value("data.target") or role == "ignore":
            continue
        if role == "category":
            total += embedding_width(column.distinct + 1, view.value("approach.embedding_rule")) if view.value("approach.embeddings") else column.distinct
        else:
            total += 1
    return max(total, 1)


def embedding_width(levels: int, rule: str | None) -> int:
    """Embedding width of a column of `levels` values (N05): fastai's min(600, 1.6 n^0.56) or half, at most 50."""
    if rule == "half":
        return min(50, (levels + 1) // 2)
    return min(600, round(1.6 * levels**0.56))


def hidden(view: Any, family: str) -> list[int]:
    """Hidden widths of a dense family; the smallest network by A11 or A12, larger families by their own rule."""
    if family == "one_hidden":
        if view.value("approach.hidden_rule") == "samples":
            split = view.latest("split")
            rows = split.parts["train"].rows if split else (view.profile().rows if view.profile() else 1000)
            return [by_samples(rows, inputs(view), outputs(view), view.value("approach.hidden_divisor"))]
        return [midpoint(inputs(view), outputs(view))]
    return []


def network(view: Any, family: str) -> NetworkSpec:
    """The network of a family as the answers describe it; widths left empty are the family's own."""
    return NetworkSpec(
        family=family, hidden=hidden(view, family), embeddings=bool(view.value("approach.embeddings")),
        embedding_rule=view.value("approach.embedding_rule") or "fastai", init=view.value("train.init") or "he_normal",
        options=_weights(view, family),
    )


def _imbalance(view: Any) -> dict[str, Any]:
    choice = view.value("approach.imbalance") or "none"
    if choice == "weights":
        return {"class_weights": "balanced"}
    return {"sampling": choice} if choice != "none" else {}


def loss(view: Any, usual: str = "auto") -> dict[str, Any]:
    """The loss by name, or a person's own file with the digest of the bytes it has now (A07)."""
    file = view.value("approach.loss_file")
    if not file:
        return {"loss": view.value("approach.loss") or usual}
    path = view.files.path(file)
    try:
        digest = trust.read(path)[1]
    except UsageError:  # the phase says so as a problem
        digest = ""
    return {"loss": "plugin", "loss_options": {"file": str(path), "sha256": digest}}


def smallest(view: Any) -> ModelConfig:
    """The smallest network with safe defaults: no regularisation, no schedule, fixed seed (B01)."""
    family = view.value("approach.family") or "one_hidden"
    train = TrainSpec(optimizer="adam", lr=1e-3, batch_size=64, **loss(view), **_imbalance(view))
    needs: dict[str, Any] = {}
    spec = network(view, family)
    if view.kind != "tabular":
        # Pictures cost a thousand times a table's row: about 1,000 steps show whether the smallest network learns.
        base, rows = recipes.family_config(view, family), recipes.train_rows(view)
        size = base.train.batch_size
        if "stride" in base.network.options:  # what large pictures need to be quick, no regularisation
            spec = spec.model_copy(update={"options": {**spec.options, "stride": base.network.options["stride"]}})
        needs, train = base.prepare, train.model_copy(update={"batch_size": size, "epochs": min(20, max(2, 1000 * size // max(rows, 1)))})
    return ModelConfig(network=spec, train=train, seed=view.value("train.seed") or 0, prepare={**needs, **prepare(view)})


def prepare(view: Any) -> dict[str, Any]:
    """Options of the preparing step: size for images, PCA for tables."""
    size, pca = view.value("approach.image_size"), view.value("data.pca")
    return {k: v for k, v in (("image_size", size if view.kind == "images" else None), ("pca", pca)) if v}


def chosen(view: Any, *, lr: float | None = None) -> ModelConfig:
    """The network of the train phase: the family's own defaults with the answers on top."""
    family = view.value("train.family") or view.value("approach.family") or "mlp"
    base = recipes.family_config(view, family)
    schedule = view.value("train.schedule") or base.train.schedule
    options = dict(base.train.schedule_options) if schedule == base.train.schedule else {}
    match schedule:
        case "restarts":
            options = {"cycle_len": view.value("train.cycle_len"), "cycle_mult": view.value("train.cycle_mult")}
        case "cyclic":
            options = {"step": view.value("train.cycle_len") / 2, **_bounds(view)}  # up and down again is one cycle (M08)
        case "exponential" | "staircase" | "plateau":
            options |= _decay(view, schedule)
        case "manual":
            options = {"rates": rate_keys(view.value("train.rate_keys") or [])}
    names = ("optimizer", "epochs", "batch_size", "weight_decay", "clip_norm", "clip_value")
    answers = {n: v for n in names if (v := view.value(f"train.{n}")) is not None}
    if answers.get("optimizer", base.train.optimizer) == "sgd":
        answers |= {n: v for n in ("momentum", "nesterov") if (v := view.value(f"train.{n}")) is not None}
    if answers.get("optimizer", base.train.optimizer) == "swats":
        answers |= {n: view.value(f"train.{n}") for n in ("switch_epoch", "switch_lr")}
    train = base.train.model_copy(update={
        **answers, "lr": lr or view.value("train.lr") or base.train.lr, "schedule": schedule, "schedule_options": options,
        "precision": view.value("train.precision") or "auto", **loss(view, base.train.loss),
        **_imbalance(view),
    })
    spec = base.network.model_copy(update={
        "embeddings": bool(view.value("approach.embeddings")), "embedding_rule": view.value("approach.embedding_rule") or "fastai",
        **({"init": view.value("train.init")} if view.value("train.init") else {}),
        **({"hidden": hidden(view, family)} if hidden(view, family) else {}),
        "options": {**base.network.options, **_weights(view, family), **transfer(view, family), **augment(view, family), **along(view)[1]},
    })
    made = ModelConfig(network=_shaped(view, recipes.resolved(view, spec)), train=train, seed=view.value("train.seed") or 0, prepare={**base.prepare, **prepare(view), **along(view)[0]})
    return ModelConfig.model_validate(made.model_dump())


def _decay(view: Any, schedule: str) -> dict[str, float]:
    """By how much a schedule lowers the rate, and when, where a person said so; else the schedule's own."""
    names = {"exponential": {"gamma": "decay_factor"}, "staircase": {"gamma": "decay_factor", "step": "decay_every"}, "plateau": {"factor": "decay_factor", "patience": "plateau_patience"}}
    return {option: v for option, field in names[schedule].items() if (v := view.value(f"train.{field}")) is not None}


def _shaped(view: Any, spec: NetworkSpec) -> NetworkSpec:
    """Widths, dropout and activation that a person named for a family that has them; else the recipe's."""
    if view.kind != "tabular" or spec.family not in ("mlp", "tabm", "realmlp"):
        return spec
    named, rate, activation = widths(view.value("train.hidden") or []), view.value("train.dropout"), view.value("train.activation")
    layers = named or spec.hidden
    changes: dict[str, Any] = {"hidden": layers}
    if rate is not None or named and spec.dropout:
        changes["dropout"] = [spec.dropout[0] if rate is None else rate] * len(layers)
    if activation and spec.family != "tabm":
        changes["activation"] = activation
    return spec.model_copy(update=changes)


def _bounds(view: Any) -> dict[str, float]:
    """Lowest and highest rate of a cycle, as the range test found them (T16); a rate that a person named is the highest, a quarter of it the lowest."""
    found = view.current("find_lr") if view.explicit("train.lr") is None else None
    return {"lo": found.cycle[0], "hi": found.cycle[1]} if found is not None and found.cycle else {}


def along(view: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is learned along with the target (R20): options of the preparing step and of the network."""
    names = view.value("approach.auxiliary") if view.kind == "tabular" else None
    if not names:
        return {}, {}
    return {"auxiliary": list(names)}, {"auxiliary_learned": True} if view.value("approach.auxiliary_learned") else {"auxiliary_weight": view.value("approach.auxiliary_weight")}


def _weights(view: Any, family: str) -> dict[str, Any]:
    """The weights file for a family that starts from one."""
    file = view.value("approach.weights_file")
    if not file or family != "pretrained":
        return {}
    named = view.value("approach.weights_network")
    return {"weights": str(view.files.path(file)), **({"arch": named} if named else {})}


def transfer(view: Any, family: str) -> dict[str, Any]:
    """How a pretrained body trains along: stages that do, one more of them every so many epochs, rates by layer (T17, T18)."""
    if family != "pretrained":
        return {}
    rates = view.value("train.layer_rates")
    asked = {"unfrozen": view.value("train.unfrozen"), "unfreeze_every": view.value("train.unfreeze_every"), "layer_lr": None if rates == "one" else rates}
    return {k: v for k, v in asked.items() if v is not None}


def augment(view: Any, family: str) -> dict[str, Any]:
    """Augmentation that the answers about symmetries allow, for kinds whose recipe has a policy (D21)."""
    made = recipes.augmentation(view, {name: view.value(f"approach.{name}") for name in recipes.SYMMETRIES}, family)
    return {"augment": made} if made else {}
