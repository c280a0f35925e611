"""Saved models that predict without the project: scikit-learn, network, or an ensemble of both; the column contract is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from phasewise.kinds import folders
from phasewise.kinds.shared import saved
from phasewise.kinds.shared.saved import SavedModel
from phasewise.kinds.tabular import contract
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.records.errors import BadInputError
from phasewise.records.findings import Finding
from phasewise.records.models import ModelConfig
from phasewise.stats.predictions import Predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor(SavedModel):
    """A model for tables: `predict(table)` takes natural or cast ones."""

    @property
    def columns(self) -> dict[str, str]:
        """Input columns and their roles (of all members, for an ensemble)."""
        if self.preparing is not None:
            return dict(self.preparing.roles)
        out: dict[str, str] = {}
        for member in self.members:
            out |= member.columns
        return out

    def shape(self, natural: pl.DataFrame) -> pl.DataFrame:
        """A natural table (as a file holds it) with the model's remedies replayed and columns cast; rows stay."""
        return self.first.preparing.table(natural)

    def check(self, natural: pl.DataFrame) -> list[Finding]:
        """What is odd about a natural table: other types, unseen levels, values out of range, extra columns."""
        return contract.check(natural, self.first.preparing, self.card)


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
    saved.save_ensemble(folder, members=members, method=method, card=card or {}, taken=("ranges",))


def load(folder: Path | str) -> Predictor:
    """The predictor of a model folder; needs nothing but the folder. Raises `BadInputError` when it is damaged or not trusted."""
    folder = Path(folder)
    card, members = saved.opened(folder, "tabular", "tables", load)
    if members:
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
