"""What every job on the development rows shares: the data view and the answers it is made of."""

from typing import Any

from phasewise.records.jobs import DataView
from phasewise.workflow.labelling import fixes

SPLIT_ACTIONS = ("keep-together",)
"""Remedies that change which rows lie in which part, and so the split itself."""

DEV: tuple[str, ...] = (
    "data.target", "data.task", "data.positive", "data.roles", "data.remedies", "data.relabel", "data.real_prior",
    "data.declared_classes", "data.pca", "goals.metric",
)
"""Answers that every job after the split depends on."""

NETWORK: tuple[str, ...] = (
    "approach.recipe", "approach.loss", "approach.loss_file", "approach.family", "approach.hidden_rule", "approach.hidden_divisor",
    "approach.imbalance", "approach.embeddings", "approach.embedding_rule", "approach.weights_file", "approach.weights_network", "approach.mirror_ok",
    "approach.upside_down_ok", "approach.rotation_ok", "approach.colour_matters", "approach.text_in_image", "approach.image_size",
)
"""Answers that describe the first network."""

CODE: tuple[str, ...] = ("approach.loss_file",)
"""Answers that name a person's own code."""


def split_remedies(view: Any) -> dict[str, str]:
    """The chosen remedies that the split itself has to respect."""
    return {k: v for k, v in (view.value("data.remedies") or {}).items() if v in SPLIT_ACTIONS}


def reading(view: Any) -> dict[str, Any]:
    """How the file is read: what the profile found, overruled by what a person decided."""
    profile = view.profile()
    out: dict[str, Any] = dict(profile.reading) if profile else {}
    for name in ("delimiter", "encoding"):
        if view.explicit(f"data.{name}"):
            out[name] = view.explicit(f"data.{name}")
    if view.kind == "images" and view.value("approach.image_size"):
        out["image_size"] = view.value("approach.image_size")
    return out


def _roles(view: Any) -> dict[str, str]:
    """Roles in force; the column that names the groups of a grouped split is no input (new groups have new names) unless a person gave it a role."""
    roles = dict(view.value("data.roles") or {})
    group = view.value("data.group") if view.kind != "images" and view.value("data.policy") == "grouped" else None
    if group and group not in (view.explicit("data.roles") or {}):
        roles[group] = "ignore"
    return roles


def data_view(view: Any, *, remedies: bool = True, before_split: bool = False) -> DataView:
    """The data view of a job; before the split only what shapes the split is passed on."""
    split = None if before_split else view.latest("split")
    options: dict[str, Any] = {"declared_classes": view.value("data.declared_classes")} if view.value("data.declared_classes") else {}
    if not before_split:
        options |= {"pca": view.value("data.pca")} if view.value("data.pca") else {}
        if view.kind == "images" and view.value("approach.weights_file"):
            options["weights"] = str(view.files.path(view.value("approach.weights_file")))
            if view.value("approach.weights_network"):
                options["weights_network"] = view.value("approach.weights_network")
    return DataView(
        kind=view.kind,
        file=str(view.files.path(view.value("data.file") or "")),
        target=view.value("data.target") or "",
        task=view.value("data.task"),
        positive=view.value("data.positive"),
        roles=_roles(view),
        remedies=dict(view.value("data.remedies") or {}) if remedies else split_remedies(view),
        relabel=fixes(view) if remedies else {},
        reading=reading(view),
        metric=view.value("goals.metric") or "",
        folds=split.folds if split else int(view.value("data.folds") or 0),
        real_prior=dict(view.value("data.real_prior") or {}),
        options=options,
    )
