"""Hidden units of a dense network ranked and really removed (X09-X11): smaller tensors, the same outputs as the masked network."""

import copy

import torch
from torch import nn

from phasewise.records.models import NetworkSpec

FAMILIES = ("one_hidden", "mlp")
CRITERIA = ("l1", "l2", "activation", "nonzero", "random")


def why_not(spec: NetworkSpec) -> str:
    """Why a network cannot be pruned here, or nothing."""
    return "" if spec.family in FAMILIES else f"units of a {spec.family!r} network cannot be removed; only {' and '.join(FAMILIES)} networks for tables can"


def start(spec: NetworkSpec, module: nn.Module) -> NetworkSpec:
    """The spec with the widths written out."""
    return spec.model_copy(update={"hidden": sizes(module)})


def sizes(module: nn.Module) -> list[int]:
    """Units of each hidden layer."""
    return [layer.out_features for layer in module.layers]  # type: ignore[union-attr]


def _outputs(model: nn.Module, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Activations after each hidden layer in evaluation mode: float [n, units]."""
    kept: list[torch.Tensor] = []
    with torch.inference_mode():
        h = model.features(inputs)
        for i, layer in enumerate(model.layers):
            h = layer(h)
            h = model.activation(model.norms[i](h) if len(model.norms) else h)
            kept.append(h)
    return kept


def scores(model: nn.Module, criterion: str, inputs: dict[str, torch.Tensor], *, normaliser: str = "mean", seed: int = 0) -> dict[str, torch.Tensor]:
    """Layer name -> one score per unit: sum of |w| or norm of incoming weights, mean activation, non-zero share (1 - APoZ, Hu et al. 1607.03250), or random.

    `normaliser` `mean` divides by the layer's mean, because raw sums grow with fan-in (M18); `none` leaves them.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"unknown criterion {criterion!r}; valid: {', '.join(CRITERIA)}")
    source = torch.Generator().manual_seed(seed)
    seen = _outputs(model, inputs) if criterion in ("activation", "nonzero") else []
    out: dict[str, torch.Tensor] = {}
    for i, layer in enumerate(model.layers):
        weight = layer.weight.detach()
        if criterion == "l1":
            raw = weight.abs().sum(1)
        elif criterion == "l2":
            raw = weight.norm(dim=1)
        elif criterion == "random":
            raw = torch.rand(len(weight), generator=source)
        else:
            raw = (seen[i] > 0).float().mean(0) if criterion == "nonzero" else seen[i].mean(0)
        out[f"layers.{i}"] = raw / raw.mean().clamp_min(1e-12) if normaliser == "mean" else raw
    return out


def choose(found: dict[str, torch.Tensor], count: int, floor: float = 0.1) -> dict[str, list[int]]:
    """The `count` lowest units over all layers; each keeps at least one unit and `floor` of its units."""
    left = {name: len(s) - max(1, -(-int(len(s) * floor * 1000) // 1000)) for name, s in found.items()}
    ranked = sorted((float(v), name, i) for name, s in found.items() for i, v in enumerate(s.tolist()))
    drop: dict[str, list[int]] = {}
    for _, name, unit in ranked:
        if count > 0 and len(drop.get(name, [])) < left[name]:
            drop.setdefault(name, []).append(unit)
            count -= 1
    return {name: sorted(units) for name, units in drop.items()}


def remove(model: nn.Module, spec: NetworkSpec, drop: dict[str, list[int]]) -> tuple[dict[str, torch.Tensor], NetworkSpec]:
    """State and spec of the network without these units."""
    small = copy.deepcopy(model)
    widths = []
    readers = [*list(small.layers)[1:], small.head]
    for i, layer in enumerate(small.layers):
        gone = set(drop.get(f"layers.{i}", []))
        keep = torch.tensor([u for u in range(layer.out_features) if u not in gone])
        for module in (layer, *([small.norms[i]] if len(small.norms) else [])):
            for name in ("weight", "bias", "running_mean", "running_var"):
                value = getattr(module, name, None)
                if value is not None:
                    cut = value.detach()[keep].clone()
                    setattr(module, name, nn.Parameter(cut) if isinstance(value, nn.Parameter) else cut)
        reader = readers[i]
        reader.weight = nn.Parameter(reader.weight.detach()[:, keep].clone())
        widths.append(len(keep))
    return {k: v.detach().clone() for k, v in small.state_dict().items()}, spec.model_copy(update={"hidden": widths})


def mask(model: nn.Module, drop: dict[str, list[int]]) -> nn.Module:
    """The network with the same units silenced and kept: equal outputs, no speed-up (the negative control of X11)."""
    quiet = copy.deepcopy(model)
    readers = [*list(quiet.layers)[1:], quiet.head]
    with torch.no_grad():
        for i, reader in enumerate(readers):
            reader.weight[:, drop.get(f"layers.{i}", [])] = 0
    return quiet
