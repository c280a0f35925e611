"""Saved models that predict without the project: scikit-learn, network, or an ensemble of both; the column contract is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.tabular import contract
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.records.errors import BadInputError
from phasewise.records.findings import Finding
from phasewise.records.models import ModelConfig
from phasewise.stats.predictions import Predictions

BATCH = 16_384


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """A model ready to predict: `card`, and `predict(table)` for natural or cast tables."""

    card: dict[str, Any]
    preparing: Preparing | None
    answer: Any = None
    """Function of a table with roles cast -> Predictions (sklearn, network); None for an ensemble."""
    members: list["Predictor"] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    @property
    def threshold(self) -> float | None:
        """Decision threshold on the positive class's probability (binary), or None for the largest probability."""
        found = self.card.get("threshold")
        return None if found is None else float(found)

    @property
    def columns(self) -> dict[str, str]:
        """Input columns and their roles (of all members, for an ensemble)."""
        if self.preparing is not None:
            return dict(self.preparing.roles)
        out: dict[str, str] = {}
        for member in self.members:
            out |= member.columns
        return out

    def predict(self, table: pl.DataFrame) -> Predictions:
        """Predictions for every row of a table [n]; extra columns are ignored.

        Raises `BadInputError` naming missing columns.
        """
        if self.members:
            said = folders.mixed([m.predict(table) for m in self.members], self.weights, str(self.card.get("method", "average")))
        else:
            parts = [self.answer(table.slice(start, BATCH)) for start in range(0, max(table.height, 1), BATCH)]
            said = parts[0] if len(parts) == 1 else _joined(parts)
        return folders.shifted(said, self.card.get("prior_ratio"))

    def shape(self, natural: pl.DataFrame) -> pl.DataFrame:
        """A natural table (as a file holds it) with the model's remedies replayed and columns cast; rows stay."""
        one = self
        while one.preparing is None:
            one = one.members[0]
        return one.preparing.table(natural)

    def check(self, natural: pl.DataFrame) -> list[Finding]:
        """What is odd about a natural table: other types, unseen levels, values out of range, extra columns."""
        one = self
        while one.preparing is None:
            one = one.members[0]
        return contract.check(natural, one.preparing, self.card)


def _joined(parts: list[Predictions]) -> Predictions:
    from phasewise.stats.scores import joined

    return joined(parts)


def _card(kind: str, preparing: Preparing | None, extras: Mapping[str, Any] | None, **own: Any) -> dict[str, Any]:
    card: dict[str, Any] = {"kind": "tabular", "type": kind}
    if preparing is not None:
        card |= {"task": preparing.target.task, "classes": preparing.target.classes, "target": preparing.target.name, "columns": preparing.roles, "ranges": contract.ranges(preparing)}
    return {**card, "metric": "", "threshold": None, **(extras or {}), **own}


def save_sklearn(folder: Path, *, estimator: Any, preparing: Preparing, matrix: str, card: Mapping[str, Any] | None = None, config: Mapping[str, Any] | None = None) -> None:
    """A scikit-learn model with its preparation; `matrix` is `scaled` or `raw` (see estimators)."""
    from phasewise.kinds.tabular.lightgbm import Booster

    folder.mkdir(parents=True, exist_ok=True)
    (folder / folders.PREPARING).write_text(preparing.to_json(), encoding="utf-8")
    if isinstance(estimator, Booster):
        (folder / "model.txt").write_text(estimator.text, encoding="utf-8")
    else:
        folders.dump_estimator(estimator, folder / folders.SKOPS)
    library = "lightgbm" if isinstance(estimator, Booster) else "sklearn"
    folders.write_card(folder, _card("sklearn", preparing, card, matrix=matrix, library=library, config=dict(config or {})))


def save_network(folder: Path, *, state: Mapping[str, Any], config: ModelConfig, info: Any, preparing: Preparing, card: Mapping[str, Any] | None = None) -> None:
    """A network: weights and input statistics as safetensors, config and sizes on the card."""
    from safetensors.torch import save_file

    if getattr(info, "auxiliary", 0):
        from phasewise.kinds.tabular.networks.auxiliary import removed

        state = removed(state, info.outputs)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / folders.PREPARING).write_text(preparing.to_json(), encoding="utf-8")
    tensors = {f"state.{k}": v.detach().to("cpu").contiguous().clone() for k, v in state.items()}
    tensors |= {f"stats.{k}": v.detach().to("cpu").contiguous().clone() for k, v in info.stats.items()}
    save_file(tensors, folder / folders.WEIGHTS)
    sizes = {"numbers": info.numbers, "cardinalities": list(info.cardinalities), "outputs": info.outputs}
    folders.write_card(folder, _card("network", preparing, card, config=config.model_dump(mode="json"), info=sizes))


def save_ensemble(folder: Path, *, members: Sequence[tuple[Path, float]], method: str = "average", card: Mapping[str, Any] | None = None) -> None:
    """Members (model folder, weight) copied inside; `method` is `average`, `weighted` or `vote`."""
    if method not in ("average", "weighted", "vote"):
        raise ValueError(f"unknown way to combine: {method!r}")
    folder.mkdir(parents=True, exist_ok=True)
    entries = folders.copy_members(folder, members)
    first = folders.read_card(folders.member_path(folder, entries[0]))
    shared = {k: first[k] for k in ("task", "classes", "target", "columns", "ranges") if k in first}
    folders.write_card(folder, {**_card("ensemble", None, None), **shared, **(card or {}), "members": entries, "method": method})


def load(folder: Path | str) -> Predictor:
    """The predictor of a model folder; needs nothing but the folder. Raises `BadInputError` when it is damaged or not trusted."""
    folder = Path(folder)
    card = folders.read_card(folder)
    if card.get("kind") != "tabular":
        raise BadInputError("this is not a model for tables", f"Its kind is {card.get('kind')!r}.", "Use the kind it was trained for.", where=str(folder))
    if card.get("type") == "ensemble":
        members = [load(folders.member_path(folder, entry)) for entry in card.get("members", [])]
        if not members:
            raise BadInputError("the ensemble has no members", "Its card lists none.", "Combine again.", where=str(folder))
        return Predictor(card=card, preparing=None, members=members, weights=[float(e["weight"]) for e in card["members"]])
    preparing = _preparing(folder)
    answer = _sklearn(folder, card, preparing) if card.get("type") == "sklearn" else _network(folder, card, preparing)
    return Predictor(card=card, preparing=preparing, answer=answer)


def _preparing(folder: Path) -> Preparing:
    try:
        return Preparing.from_json((folder / folders.PREPARING).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError("cannot read the model's preparation", f"{type(error).__name__}: {error}", "The folder is damaged; train or export again.", where=str(folder)) from None


def _sklearn(folder: Path, card: dict[str, Any], preparing: Preparing) -> Any:
    from phasewise.kinds.shared import fitted
    from phasewise.kinds.tabular.estimators import matrix
    from phasewise.kinds.tabular.lightgbm import Booster

    if card.get("library") == "lightgbm":
        estimator: Any = Booster(task=preparing.target.task, text=(folder / "model.txt").read_text(encoding="utf-8"))
    else:
        estimator = folders.load_estimator(folder / folders.SKOPS)
    return lambda table: fitted.answer(estimator, matrix(str(card.get("matrix", "scaled")), preparing, table), preparing.target)


def read_network(folder: Path, card: dict[str, Any]) -> Any:
    """The network of a model folder as a torch module in evaluation mode, on the CPU."""
    from safetensors.torch import load_file

    from phasewise.engine.data import InputInfo
    from phasewise.kinds.tabular import networks

    try:
        tensors = load_file(folder / folders.WEIGHTS)
        sizes = card["info"]
        stats = {k.removeprefix("stats."): v for k, v in tensors.items() if k.startswith("stats.")}
        info = InputInfo(numbers=int(sizes["numbers"]), cardinalities=tuple(int(c) for c in sizes["cardinalities"]), outputs=int(sizes["outputs"]), stats=stats)
        config = ModelConfig.model_validate(card["config"])
        module = networks.build(config.network, info)
        module.load_state_dict({k.removeprefix("state."): v for k, v in tensors.items() if k.startswith("state.")})
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError("cannot read the network", f"{type(error).__name__}: {error}"[:200], "The folder is damaged; train or export again.", where=str(folder)) from None
    return module.eval()


def _network(folder: Path, card: dict[str, Any], preparing: Preparing) -> Any:
    import torch

    from phasewise.kinds.tabular import batches

    module = read_network(folder, card)

    def answer(table: pl.DataFrame) -> Predictions:
        with torch.inference_mode():
            return batches.predictions(module(batches.tensors(preparing.transform(table))), preparing)

    return answer
