"""What pretrained weights expect of pictures, as their own file or a JSON beside it says: mean, deviation, side, share of the centre, filter (N01, D07).

Read without torch and without running anything: the header of a safetensors file, or the JSON that timm (`pretrained_cfg`) and
transformers (`preprocessor_config.json`) put beside their weights. What cannot be understood is passed over.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST = 1_000_000
"""Bytes of a JSON that are looked at."""
HEADER = 100_000_000
SIDES = (8, 1024)
FILTERS = {"bilinear": "bilinear", "bicubic": "bicubic", "lanczos": "lanczos", "2": "bilinear", "3": "bicubic", "1": "lanczos"}
"""Names and Pillow's numbers."""
BESIDE = ("config.json", "preprocessor_config.json")


@dataclass(frozen=True, kw_only=True)
class Expects:
    """What is said; None where it is not. `share` of the centre square is looked at, `filter` resizes, `source` is the file that says so."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    side: int | None = None
    share: float | None = None
    filter: str | None = None
    source: str = ""

    @property
    def resize(self) -> str:
        """The way pictures are fitted, in the words of `fitting.way`; empty where nothing is said."""
        if self.share is None and self.filter is None:
            return ""
        return f"crop-s{round(1000 * (self.share or 1.0))}-{self.filter or 'bilinear'}"

    @property
    def told(self) -> str:
        """What was taken over, for a person."""
        parts = [
            f"mean {', '.join(f'{v:.3g}' for v in self.mean)}" if self.mean else "", f"deviation {', '.join(f'{v:.3g}' for v in self.std)}" if self.std else "",
            f"{self.side} px" if self.side else "", f"the centre {self.share:.1%}" if self.share else "", self.filter or "",
        ]
        return ", ".join(p for p in parts if p)


def of(weights: Path) -> Expects | None:
    """What the weights file or its neighbours say, or None."""
    for name, said in _sources(weights):
        found = _read(said, name)
        if found is not None:
            return found
    return None


def _sources(weights: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    header = _header(weights)
    if header:
        yield weights.name, header
    for place in dict.fromkeys((weights.with_suffix(".json"), weights.parent / f"{weights.name}.json", *(weights.parent / n for n in BESIDE))):
        try:
            if place.is_file() and place.stat().st_size <= MOST:
                said = json.loads(place.read_text(encoding="utf-8"))
                if isinstance(said, dict):
                    yield place.name, said
        except (OSError, ValueError, RecursionError):
            continue


def _header(weights: Path) -> Mapping[str, Any]:
    """The metadata of a safetensors file: eight bytes of length, then JSON; values that are JSON themselves are opened."""
    if weights.suffix != ".safetensors":
        return {}
    try:
        with weights.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            held = json.loads(file.read(size)).get("__metadata__") if size <= HEADER else None
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return {k: _opened(v) for k, v in held.items()} if isinstance(held, dict) else {}


def _opened(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


def _read(said: Mapping[str, Any], source: str) -> Expects | None:
    inner = next((said[k] for k in ("pretrained_cfg", "default_cfg", "config") if isinstance(said.get(k), dict)), said)
    inner = inner.get("pretrained_cfg") if isinstance(inner.get("pretrained_cfg"), dict) else inner
    mean, std = _three(_first(inner, "mean", "image_mean"), 0.0), _three(_first(inner, "std", "image_std"), 1e-3)
    size = _first(inner, "input_size", "crop_size", "size", "image_size")
    if isinstance(size, dict):
        size = _first(size, "height", "shortest_edge")
    size = size[-1] if isinstance(size, list) and size else size
    share, chosen = _first(inner, "crop_pct"), _first(inner, "interpolation", "resample")
    found = Expects(
        mean=mean if std else None, std=std if mean else None, side=int(size) if _number(size) and SIDES[0] <= size <= SIDES[1] else None,
        share=float(share) if _number(share) and 0.5 <= share <= 1 else None, filter=FILTERS.get(str(chosen)), source=source,
    )
    return found if found.mean or found.side or found.resize else None


def _first(said: Mapping[str, Any], *names: str) -> Any:
    return next((said[n] for n in names if said.get(n) is not None), None)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _three(value: Any, least: float) -> tuple[float, ...] | None:
    """Three numbers of [least, 1], as pixels in [0, 1] have them."""
    if not isinstance(value, list) or len(value) != 3 or not all(_number(v) and least <= v <= 1 for v in value):
        return None
    return tuple(float(v) for v in value)
