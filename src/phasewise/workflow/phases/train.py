"""Phase 5: can it fit the training set? (T01-T29, V02, V03, L03)"""

from typing import Any

from phasewise.records.answers.train import rate_keys
from phasewise.records.jobs import FindLrJob, FitJob, LadderJob, PreviewJob
from phasewise.records.metrics import meets
from phasewise.records.models import ModelConfig
from phasewise.records.rates import TRUST, rate_in_force
from phasewise.workflow import config, recipes
from phasewise.workflow.dev import CODE, DEV, NETWORK, data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.baseline import networks_closed
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation

_FINDER = ("train.purpose", "train.family", "train.hidden", "train.dropout", "train.activation", "train.optimizer", "train.batch_size", "train.weight_decay", "train.init", "train.momentum", "train.nesterov", "train.seed", "train.precision", "train.unfrozen", "train.layer_rates", "approach.auxiliary", "approach.auxiliary_learned", "approach.auxiliary_weight")
_FIT = (*_FINDER, "train.lr", "train.schedule", "train.decay_factor", "train.decay_every", "train.plateau_patience", "train.epochs", "train.seeds", "train.clip_norm", "train.clip_value", "train.cycle_len", "train.cycle_mult", "train.rate_keys", "train.switch_epoch", "train.switch_lr", "train.unfreeze_every")


def wanted(view: Any) -> bool:
    """Whether networks are tried at all."""
    return not networks_closed(view)


def _find_job(view: Any) -> FindLrJob:
    return FindLrJob(phase="train", title="Find the learning rate", data=data_view(view), config=config.chosen(view), usual=_asked_or_usual(view), seed=view.value("train.seed"), device=view.value("train.device"))


def _asked_or_usual(view: Any) -> float | None:
    """The rate training would take without a finder: what a person wrote, else the family's."""
    asked = view.explicit("train.lr")
    return float(asked) if asked is not None else usual_lr(view, recipes.train_defaults(view, quick=view.explicit("train.purpose") == "quick"))


def usual_lr(view: Any, defaults: dict[str, Recommendation]) -> float | None:
    """The rate measured for the family with its optimiser; None where another optimiser was asked for (T05)."""
    usual, asked, own = defaults.get("lr"), view.explicit("train.optimizer"), defaults.get("optimizer")
    return float(usual.value) if usual is not None and (asked is None or own is None or asked == own.value) else None


def found_lr(view: Any) -> float | None:
    """The learning rate in force: what a person wrote, else the recommendation made from the finder and the family."""
    return view.value("train.lr")


def finder_lr(view: Any, usual: float | None) -> Recommendation | None:
    """The finder's choice where nothing better is known (T02); a rate measured for family and optimiser is only ever lowered by it."""
    found = view.latest("find_lr")
    if found is None or found.chosen is None:
        return None
    if usual is None:
        return Recommendation(value=found.chosen, reason=f"The finder chose {found.chosen:.2g}.")
    value = rate_in_force(found.chosen, usual)
    if value == usual:
        return Recommendation(value=usual, reason=f"Measured for this family on real data. The finder says {found.chosen:.2g}: no reason to leave it.")
    return Recommendation(value=value, reason=f"The finder chose {found.chosen:.2g}, far below the family's usual {usual:.2g}: lowered to {TRUST:g} times the finder's.")


def _fit_job(view: Any) -> FitJob:
    seed = view.value("train.seed") or 0
    return FitJob(
        phase="train", title="Train", data=data_view(view), config=config.chosen(view, lr=found_lr(view)),
        seeds=list(range(seed, seed + (view.value("train.seeds") or 1))), seed=seed, device=view.value("train.device"),
    )


def _preview_job(view: Any) -> PreviewJob:
    checkup = view.current("checkup")
    judge = checkup.smallest.ref if checkup is not None and checkup.smallest is not None else ""
    return PreviewJob(phase="train", title="Preview the augmentation", data=data_view(view), config=config.chosen(view), judge=judge, seed=view.value("train.seed") or 0, device="cpu")


def _augments(view: Any) -> bool:
    return view.kind == "images" and wanted(view) and bool(config.chosen(view).network.options.get("augment"))


def _scratch_job(view: Any) -> FitJob:
    """The control of the fit: the same network without the pretrained weights, over the first seed."""
    fit, seed = view.current("fit"), view.value("train.seed") or 0
    started = ModelConfig.model_validate(fit.model.config) if fit is not None and fit.model.config else config.chosen(view, lr=found_lr(view))
    made = recipes.scratch_control(view, started)
    return FitJob(phase="train", title="Train from scratch (control)", data=data_view(view), config=made, seeds=[seed], seed=seed, role="control", device=view.value("train.device"))


def _pretrained(view: Any) -> bool:
    return view.kind == "images" and wanted(view) and recipes.scratch_control(view, config.chosen(view)) is not None


def _ladder_job(view: Any) -> LadderJob:
    fit = view.current("fit")
    start = fit.model.config or config.chosen(view, lr=found_lr(view)).model_dump()
    return LadderJob(
        phase="train", title="Fitting ladder", data=data_view(view), config=start, goal=view.value("goals.target"),
        rungs=recipes.train_ladder(view), seed=view.value("train.seed") or 0, device=view.value("train.device"),
    )


def _cycles(view: Any, advice: dict[str, Recommendation]) -> dict[str, Recommendation]:
    """Lengths that go with a schedule of cycles which a person chose: cyclic ones of 4 epochs (T15), restarts that end where a cycle ends (T13, T14)."""
    schedule, planned = view.explicit("train.schedule"), advice.get("epochs")
    if schedule == "cyclic":
        return {"cycle_len": Recommendation(value=4, reason="Two epochs up and two down; 2 to 10 are usual for half a cycle (T15).")}
    if schedule != "restarts" or planned is None:
        return {}
    from phasewise.records.schedules import epochs_for

    length, mult = view.explicit("train.cycle_len") or 1, view.explicit("train.cycle_mult") or 2
    ends = [epochs_for(1, length, mult)]
    while ends[-1] < planned.value:
        ends.append(epochs_for(len(ends) + 1, length, mult))
    whole = min(ends, key=lambda e: abs(e - planned.value))
    return {"epochs": Recommendation(value=whole, reason=f"{ends.index(whole) + 1} whole cycles: training ends where the rate is lowest (T13).")}


def by_hand(view: Any) -> list[Problem]:
    """Keys of a manual schedule and a switch of the optimiser that would never happen."""
    found: list[Problem] = []
    epochs = view.value("train.epochs")
    if view.value("train.schedule") == "manual":
        keys = rate_keys(view.value("train.rate_keys") or [])
        late = [f"{epoch:g}" for epoch, _ in keys if epochs and epoch >= epochs]
        if not keys:
            found.append(Problem(phase="train", field="rate_keys", message="A manual schedule needs at least one key.", remedy="Write EPOCH:RATE, for example --set train.rate_keys=10:0.001,15:0.0001"))
        elif late:
            found.append(Problem(phase="train", field="rate_keys", message=f"Training ends after {epochs} epochs: the key at epoch {late[0]} is never reached.", remedy="Take an earlier epoch, or train for more of them."))
    at = view.value("train.switch_epoch")
    if view.value("train.optimizer") == "swats" and at and epochs and at >= epochs:
        found.append(Problem(phase="train", field="switch_epoch", message=f"Training ends after {epochs} epochs: a switch after {at} never happens.", remedy="Take an earlier epoch, or train for more of them."))
    return found


FIND_LR = Step(
    slot="find_lr", phase="train", title="Find the learning rate", build=_find_job, evidence=("split",), answers=(*DEV, *NETWORK, *_FINDER), code=CODE,
    wanted=lambda view: wanted(view) and view.explicit("train.lr") is None,
)
FIT = Step(slot="fit", phase="train", title="Train", build=_fit_job, evidence=("split", "find_lr"), answers=(*DEV, *NETWORK, *_FIT), code=CODE, wanted=wanted)
PREVIEW = Step(slot="preview", phase="train", title="Preview the augmentation", build=_preview_job, evidence=("split", "checkup"), answers=(*DEV, *NETWORK, "train.family", "train.seed"), wanted=_augments)
SCRATCH = Step(slot="scratch", phase="train", title="Train from scratch (control)", build=_scratch_job, evidence=("split", "fit"), wanted=_pretrained)
LADDER = Step(
    slot="ladder", phase="train", title="Fitting ladder", build=_ladder_job, evidence=("fit",), answers=("goals.target",),
    wanted=lambda view: wanted(view) and bool(view.value("train.ladder")),
)


SHORT = {"both": "bias, variance", "optimisation_failure": "failing"}
"""Verdicts whose own name says too little, or too much for a line."""


class Train(Phase):
    """LR finder, one good fit, and the ladder when the training set is not fitted."""

    id = "train"
    advice_from = ("profile", "split", "find_lr", "fit")

    def steps(self) -> tuple[Step, ...]:
        """Look at augmented pictures, find the learning rate, train, train the control of pretrained weights, climb the ladder only when needed."""
        return (PREVIEW, FIND_LR, FIT, SCRATCH, LADDER)

    def not_needed(self, view: Any) -> str:
        """The verdict's own words when no network is needed."""
        return networks_closed(view)

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """Family by purpose and rows, optimiser and schedule by family, epochs by rows."""
        quick = view.explicit("train.purpose") == "quick"
        out = dict(recipes.train_defaults(view, quick=quick))
        rate = finder_lr(view, usual_lr(view, out)) or out.pop("lr", None)
        if rate is not None:
            out["lr"] = rate
        out |= _cycles(view, out)
        fit = view.latest("fit")
        target, metric = view.value("goals.target"), view.metric
        decided = view.explicit("goals.target") is not None
        if decided and fit and fit.model.train and target is not None and metric and fit.diagnosis and fit.diagnosis.verdict in ("high_bias", "both") and not meets(metric.id, fit.model.train.value, target):
            out["ladder"] = Recommendation(value=True, reason=f"The training set is not fitted: {fit.model.train.value:.4g} against the goal {target:g} (V07).")
        return out

    def problems(self, view: Any) -> list[Problem]:
        """The family must be one the kind has; what is planned by hand must fall inside the training."""
        known = [f for f, _ in recipes.families(view)]
        value, found = view.value("train.family"), []
        if value and known and value not in known:
            found.append(Problem(phase="train", field="family", message=f"There is no network family {value!r} for this kind of data.", remedy=f"Choose one of {', '.join(known)}."))
        return found + by_hand(view)

    def gate(self, view: Any) -> list[GateItem]:
        """Trained, not failing to optimise, and the training set fitted or the ladder worked (L02, L03)."""
        fit, ladder = view.current("fit"), view.current("ladder")
        items = [GateItem(id="trained", ok=fit is not None, overridable=False, text=f"trained: {fit.model.name} {fit.model.validation.value:.4g}" if fit else "a network is trained")]
        if fit is None:
            return items
        verdict = fit.diagnosis.verdict if fit.diagnosis else "healthy"
        items.append(GateItem(id="optimises", ok=verdict != "optimisation_failure", text="training works" if verdict != "optimisation_failure" else f"training fails: {fit.diagnosis.reason}", remedy="Read the check-up, lower the learning rate, look at the scaling."))
        control = view.current("scratch")
        if control is not None:
            items.append(_weights_help(view, fit.model.validation, control.model.validation))
        target, metric, train = view.value("goals.target"), view.metric, fit.model.train
        if target is not None and metric and train:
            best = ladder.model.train.value if ladder and ladder.model and ladder.model.train else train.value
            reached = meets(metric.id, best, target) or (ladder is not None and ladder.reached)
            tried = ladder is not None or not view.value("train.ladder")
            say = f"training set fitted to {best:.4g}" if reached else f"training set fitted to {best:.4g}, the goal is {target:g}" + (f"; the ladder was climbed to its end. {ladder.advice}" if ladder else "")
            items.append(GateItem(id="fits-training", ok=reached or tried, text=say, remedy="Climb the fitting ladder."))
        return items

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """Families of the kind."""
        return recipes.families(view) if name == "families" else None

    def summary(self, view: Any) -> str:
        """The fit and its diagnosis, as a line of 65 cells: what stands before it takes 15 of 80."""
        fit = view.latest("fit")
        if fit is None:
            return ""
        score = fit.model.validation
        said = f"; {SHORT.get(fit.diagnosis.verdict) or fit.diagnosis.verdict.replace('_', ' ')}" if fit.diagnosis else ""
        control, preview = view.latest("scratch"), view.latest("preview")
        beside = f"; scratch {control.model.validation.value:.4g}" if control else ""
        strong = "; augmented too much?" if preview and preview.strength.get("too_strong") else ""
        return f"{fit.model.family} {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]{beside}{said}{strong}"


def _weights_help(view: Any, mine: Any, control: Any) -> GateItem:
    """Whether the pretrained weights beat the same network from scratch on the same rows (A03: a narrow source may not help)."""
    metric = view.metric
    better = metric is None or meets(metric.id, mine.value, control.value)
    text = f"with the pretrained weights {mine.value:.4g}, from scratch {control.value:.4g} [{control.low:.4g}, {control.high:.4g}]"
    return GateItem(id="weights-help", ok=better, text=text, remedy="The weights do not help here: train from scratch (approach.weights_file empty), or go on with a reason.")
