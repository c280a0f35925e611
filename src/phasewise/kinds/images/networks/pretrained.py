"""Networks with weights from elsewhere: read safely, matched strictly, head replaced, body frozen by stages (N01, T18).

A checkpoint is data (tensors by name), never code: its architecture is one written here, or one of an installed library.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from phasewise.kinds.images import expects
from phasewise.kinds.images.networks import library, matching, remembered
from phasewise.kinds.images.networks.backbone import Backbone
from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter
from phasewise.kinds.images.networks.mobilenet_v2 import MobileNetV2
from phasewise.kinds.images.networks.residual_photos import ResNet18, ResNet34, ResNet50
from phasewise.kinds.images.networks.weights_file import read_weights
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text

ARCHITECTURES: dict[str, type[Backbone]] = {c.ARCH: c for c in (MobileNetV1Quarter, MobileNetV2, ResNet18, ResNet34, ResNet50)}
NAME_IT = "approach.weights_network"


def _own(weights: Mapping[str, Any], asked: str = "") -> tuple[str, dict[str, matching.Fit]]:
    """The name of a network written here that fits, or nothing; and how each compares."""
    found = {}
    for name, make in ARCHITECTURES.items():
        if asked in ("", name):
            with torch.device("meta"):
                found[name] = matching.compare(weights, matching.shapes(make(1), (make.HEAD,)), (make.HEAD,))
    return next((n for n, fit in found.items() if fit.whole), ""), found


def recognise(weights: dict[str, Tensor], asked: str = "", hint: str = "") -> str:
    """The architecture whose names and shapes match (the head may differ): a name of `ARCHITECTURES`, or `library/name`.

    `asked` is a person's name for it; `hint` the file's name, which decides between libraries' networks of the same shapes.
    """
    own, compared = _own(weights, asked if asked in ARCHITECTURES else "")
    if asked in ARCHITECTURES or (own and not asked):
        if own:
            return own
        raise _unfit(weights, compared, asked)
    known = library.names()
    if asked:
        named = [n for n in known if asked in (n, n.partition("/")[2])]
        found = next((n for n in named if library.fits(weights, n)), "")
        if found:
            return found
        raise UsageError(f"the weights do not fit {safe_text(asked, 60)!r}", "Names and shapes differ." if named else _unknown(known), f"Leave {NAME_IT} empty to have it looked for.")
    found = next((n for n in library.hinted(hint, known) if library.fits(weights, n)), "")
    several = [found] if found else remembered.fitting(weights, library.versions(), lambda: library.search(weights, known))
    if len(several) == 1 and several[0] in known:
        return several[0]
    if several:
        raise UsageError("the weights fit several networks", f"{', '.join(several[:8])}: all have these names and shapes, but not the same computation.", f"Say which: --set {NAME_IT}={several[0]}")
    raise _unfit(weights, compared, "")


def _unknown(known: list[str]) -> str:
    return "No installed library has a network of that name." if known else "It is none of those written here, and no library is installed."


def _unfit(weights: Mapping[str, Any], compared: dict[str, matching.Fit], asked: str) -> UsageError:
    """What keeps the nearest network from fitting."""
    name, fit = max(compared.items(), key=lambda item: (item[1].shared - len(item[1].wrong)) / max(item[1].asked, len(item[1].over) + item[1].shared))
    near = asked or 2 * fit.shared > fit.asked
    if near and fit.wrong:
        tensor, want, got = fit.wrong[0]
        seen = f"Nearest is {name}, but {safe_text(tensor, 60)} is {got} instead of {want} ({len(fit.wrong)} of {fit.asked} tensors have another shape)."
    elif near and fit.missing:
        seen = f"Nearest is {name}, but {len(fit.missing)} of its {fit.asked} tensors are missing, the first {safe_text(fit.missing[0], 60)}."
    elif near:
        seen = f"Nearest is {name}, but {len(fit.over)} tensors are left over, the first {safe_text(fit.over[0], 60)}."
    else:
        seen = f"First names: {safe_text(', '.join(list(weights)[:3]), 160)}."
    installed = library.versions()
    more = f"looked at {' and '.join(f'{n} {v}' for n, v in installed.items())} too" if installed else f"for hundreds more: {library.EXTRA}"
    return UsageError(f"the weights do not fit {asked}" if asked else "the weights fit no known network", seen, f"Known: {', '.join(ARCHITECTURES)}; {more}.")


@lru_cache(maxsize=4)
def _found(path: str, size: int, changed: int, asked: str) -> str:
    place = Path(path)
    return recognise(read_weights(place), asked, f"{place.parent.name} {place.name}")


def found(path: Path, asked: str = "") -> str:
    """The architecture of a weights file, looked for once as long as the file stays as it is."""
    if not path.is_file():
        read_weights(path)
    held = path.stat()
    return _found(str(path), held.st_size, held.st_mtime_ns, asked)


def body(spec: Any, outputs: int, dropout: float) -> nn.Module:
    """The architecture of the weights with a fresh head of `outputs` units.

    `spec.options`: `weights` (path); `arch` (its name, found from the weights when missing); `scratch` leaves the weights out: the
    from-scratch control, and a saved model, whose own state follows, as does that of one with channels removed (`shape`); `library` is what a
    saved one was made with.
    """
    options = spec.options
    arch = str(options.get("arch") or "")
    if (options.get("scratch") or options.get("shape")) and (arch in ARCHITECTURES or "/" in arch):
        return architecture(arch, str(options.get("library") or ""))(outputs, dropout)
    path = Path(str(options.get("weights") or ""))
    model = architecture(found(path, arch))(outputs, dropout)
    if not options.get("scratch"):
        _filled(model, path)
    return model


def _filled(model: Any, path: Path) -> None:
    weights = read_weights(path)
    said = expects.of(path)
    if said is not None:
        model.reads(said)
    if isinstance(model, library.LibraryBody):
        matching.load(model.net, weights, ())
    else:
        matching.load(model, weights, (model.HEAD,))


def architecture(name: str, version: str = "") -> Callable[[int, float], Backbone]:
    """What builds a known architecture from `outputs` and `dropout`; `version` is the library it was made with."""
    if "/" in name:
        return lambda outputs, dropout=0.0: library.make(name, outputs, dropout, version)
    if name not in ARCHITECTURES:
        raise UsageError(f"unknown pretrained network {safe_text(name, 60)!r}", "", f"Known: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def named(model: Any) -> dict[str, str]:
    """How a network is found again: its `arch`, and the `library` with the version it comes from."""
    return {"arch": model.arch, **({"library": model.library} if isinstance(model, library.LibraryBody) else {})}


def named_of(state: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    """The same for the state of a trained network (names start with `body.`), whose settings are `options`."""
    if options.get("shape"):  # channels were removed: it fits no architecture any more, but was made from a known one
        return {k: str(options[k]) for k in ("arch", "library") if options.get(k)}
    inner = {k.removeprefix("body."): v for k, v in state.items() if k.startswith("body.")}
    if not any(k.startswith("net.") for k in inner):
        return {"arch": _own(inner)[0] or recognise(inner)}
    arch = str(options.get("arch") or "")
    arch = arch if "/" in arch else found(Path(str(options.get("weights") or "")), arch)
    shelf = arch.partition("/")[0]
    return {"arch": arch, "library": f"{shelf} {library.versions().get(shelf, '')}".strip()}


def backbone(path: Path, asked: str = "") -> Any:
    """The network of a weights file with its own head left out (one output, unused)."""
    model = architecture(found(path, asked))(1, 0.0)
    _filled(model, path)
    return model


def described(model: Any) -> str:
    """One line for a person: which network, how large, and what it expects of pictures."""
    millions = sum(p.numel() for n, p in model.named_parameters() if not n.startswith(f"{model.HEAD}.")) / 1e6
    numbers = "mean and deviation of ImageNet" if (model.mean, model.std) == (Backbone.mean, Backbone.std) else f"mean {', '.join(f'{v:.3g}' for v in model.mean)}, deviation {', '.join(f'{v:.3g}' for v in model.std)}"
    source = f" of {model.library}" if isinstance(model, library.LibraryBody) else ""
    said = f"; {safe_text(model.said.source, 60)} says: {model.said.told}" if model.said is not None else "; the file says nothing of how pictures were prepared: the centre square, bilinear, is assumed"
    return f"the weights are {model.arch.rpartition('/')[2]}{source}: {millions:.1f} million parameters below the head, trained at {model.side} px, {numbers}{said}"


def frozen_parts(model: Any, unfrozen: int) -> tuple[str, ...]:
    """Names of what stays frozen when the last `unfrozen` stages train (0 = head only)."""
    stages = model.stages if isinstance(model, Backbone) else ()
    return tuple(name for stage in (stages[: len(stages) - unfrozen] if unfrozen else stages) for name in stage)
