"""Phase 3: which solved problem is this like? (A01-A16)"""

from typing import Any

from phasewise.records import trust
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text
from phasewise.workflow import recipes
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.words import GateItem, Problem, Recommendation

IMBALANCED = 0.2
"""Below this share of the rarest class weights in the loss are worth a thought."""


def own_code(view: Any) -> list[Problem]:
    """A loss file that cannot be read, or whose present bytes nobody on this machine agreed to run."""
    name = view.value("approach.loss_file")
    if not name:
        return []
    path = view.files.path(name)
    try:
        digest = trust.read(path)[1]
    except UsageError as error:
        return [Problem(phase="approach", field="loss_file", message=error.title + ".", remedy=error.remedy)]
    if trust.agreed(digest):
        return []
    return [Problem(phase="approach", field="loss_file", message=f"Nobody on this machine agreed to run {path.name} as it is now (SHA-256 {digest[:16]}).", remedy=f"Read it, then: phasewise trust {path}")]


def ignored(view: Any) -> list[str]:
    """Columns that are no inputs: only these can be learned along."""
    profile = view.profile()
    roles = view.value("data.roles") or {}
    return [c.name for c in profile.columns if roles.get(c.name, c.role) == "ignore" and c.name != view.value("data.target")] if profile else []


def known_later(view: Any) -> list[Problem]:
    """What is learned along must be no input: it is not there when the model is used (R20)."""
    free = ignored(view)
    odd = [c for c in view.value("approach.auxiliary") or [] if c not in free]
    if not odd:
        return []
    name = safe_text(odd[0], 60)
    return [Problem(phase="approach", field="auxiliary", message=f"{name!r} is an input or no column: what is learned along must not be one.", remedy=f"If it is not known for new rows, make it no input first: --set data.roles={name}=ignore")]


def weights(view: Any) -> list[Problem]:
    """A weights file that is not there is said now, not by a job minutes later."""
    name = view.value("approach.weights_file")
    if view.kind != "images" or not name or view.files.path(name).is_file():
        return []
    return [Problem(phase="approach", field="weights_file", message=f"There is no weights file {safe_text(name, 120)}.", remedy="Give the path of a file on this machine, or leave it empty to train from scratch.")]


class Approach(Phase):
    """Recipe by analogy, loss, first architecture."""

    id = "approach"
    advice_from = ("profile",)

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """The recipe of the kind, the task's usual loss, the smallest family."""
        out: dict[str, Recommendation] = {}
        named = recipes.first_recipe(view)
        if named:
            out["recipe"] = Recommendation(value=named[0], reason=named[2])
        losses = recipes.losses(view)
        if losses:
            out["loss"] = Recommendation(value=losses[0], reason=recipes.loss_reason(view))
        families = recipes.families(view)
        if families:
            first = recipes.first_family(view)
            out["family"] = Recommendation(value=first, reason="Start with the smallest network that can work and add only what pays (A10).")
        profile = view.profile()
        rarest = min((b.count for b in profile.classes), default=0) / max(sum(b.count for b in profile.classes), 1) if profile and profile.classes else 0.5
        why = f"The rarest class holds {rarest:.1%} of the rows" if profile and profile.classes else "Nothing is known of the classes yet"
        say = f"{why}: first see what plain training does; weights and sampling are ideas for later, judged on the goal metric." if rarest < IMBALANCED else f"{why}: no cure needed."
        out["imbalance"] = Recommendation(value="none", reason=say)
        if view.kind == "images":
            written = recipes.writing(view)
            out["mirror_ok"] = Recommendation(value=not written, reason="The classes look like digits or letters: a mirrored 2 is no 2 (D21)." if written else "Most pictures keep their meaning when seen in a mirror.")
            for name, why in (("upside_down_ok", "Most pictures have an up and a down."), ("rotation_ok", "Untested: say yes when small turns do not matter."), ("colour_matters", "Untested: colour is left as it is."), ("text_in_image", "No text is assumed.")):
                out[name] = Recommendation(value=name == "colour_matters", reason=why)
        return out

    def problems(self, view: Any) -> list[Problem]:
        """Family and loss must be ones the kind has; a person's own loss must be agreed to on this machine."""
        out: list[Problem] = own_code(view) + known_later(view) + weights(view)
        for field, known in (("family", [f for f, _ in recipes.families(view)]), ("loss", recipes.losses(view))):
            value = view.value(f"approach.{field}")
            if value and known and value not in known:
                out.append(Problem(phase="approach", field=field, message=f"{value!r} is not known for this kind of data and task.", remedy=f"Choose one of {', '.join(known)}."))
        if view.kind == "images" and view.explicit("approach.imbalance") == "smote":
            out.append(Problem(phase="approach", field="imbalance", message="Between two pictures lies a blend of both, no third one: SMOTE is for tables.", remedy="--set approach.imbalance=weights, or over with augmentation; mixup is among the ideas."))
        if view.value("approach.loss_file") and view.explicit("approach.imbalance") == "weights":
            out.append(Problem(phase="approach", field="imbalance", message="Class weights do not reach a loss of your own.", remedy="Weigh the classes inside your loss, or choose over, under or smote, which change the rows."))
        return out

    def gate(self, view: Any) -> list[GateItem]:
        """A recipe and a first network."""
        family = view.value("approach.family")
        return [GateItem(id="recipe", ok=bool(family), text=f"first network: {family}" if family else "a first network is chosen", overridable=False)]

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """Recipes, losses, families of the kind."""
        if name == "recipes":
            return [(i, t) for i, t, _ in recipes.recipes(view)]
        if name == "losses":
            return [(i, i.replace("_", " ")) for i in recipes.losses(view)]
        if name == "auxiliary":
            return [(c, c) for c in ignored(view)]
        if name == "families":
            return recipes.families(view)
        return None

    def summary(self, view: Any) -> str:
        """Recipe, first network and loss; for pictures whether there are pretrained weights, which are worth more than anything else on few of them (A03), and which answer names them."""
        own = view.value("approach.loss_file")
        loss = f"own loss {safe_text(view.files.path(own).name, 60)}" if own else view.value("approach.loss")
        first = view.value("approach.family")
        if view.kind == "images":  # 65 cells: what stands before it in a list takes 15 of 80
            file = view.value("approach.weights_file")
            parts = [first, f"weights {safe_text(view.files.path(file).name, 34)}" if file else "no pretrained weights (approach.weights_file)", loss]
        else:
            parts = [view.value("approach.recipe"), f"smallest network {first}" if first else "", loss]
        return ", ".join(str(p) for p in parts if p)
