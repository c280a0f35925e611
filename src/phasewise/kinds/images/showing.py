"""How a picture looks in a terminal: half blocks, two pixels a cell, as plain text with colours in 24 bits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.records.text import safe_text

GRID = 7


def thumbnail(pixels: np.ndarray, width: int = 24) -> list[list[tuple[tuple[int, int, int], tuple[int, int, int]]]]:
    """Rows of (upper colour, lower colour) cells for a uint8 array (channels, height, width)."""
    channels, height, wide = pixels.shape
    cells = min(width, wide)
    rows = max(2, round(height * cells / wide)) // 2 * 2
    picked = pixels[:, np.linspace(0, height - 1, rows).round().astype(int)][:, :, np.linspace(0, wide - 1, cells).round().astype(int)]
    colour = np.repeat(picked, 3, 0) if channels == 1 else picked[:3]
    lines = colour.transpose(1, 2, 0)
    return [[(tuple(map(int, top)), tuple(map(int, low))) for top, low in zip(lines[i], lines[i + 1], strict=True)] for i in range(0, rows, 2)]  # type: ignore[misc]


def row(dev: Any, position: int) -> list[str]:
    """What identifies a picture in a list: its path, size and looks."""
    record = dev.table.row(position, named=True)
    return [safe_text(Path(str(record["path"])).as_posix(), 80), f"{record['width']}x{record['height']}", f"brightness {record['brightness']:.0f}", f"contrast {record['contrast']:.0f}"]


def pictures(gallery: dict[str, list[dict[str, Any]]], dev: Any, load: Callable[[], Any], *, explained: int = 4, folder: Path | None = None) -> None:
    """Adds `thumbnail` (see `thumbnail`) to every item of a gallery; to the first of the worst `saliency` (7 x 7 drops of confidence) and, where the model in `folder` has one, `gradient` (7 x 7 shares)."""
    held = dev.pixels()
    for items in gallery.values():
        for item in items:
            item["thumbnail"] = thumbnail(np.array(held[item["row"]]).transpose(2, 0, 1))
    worst = gallery.get("worst", [])[:explained]
    if worst:
        predictor = load()
        for item in worst:
            item["saliency"] = occlusion(predictor, dev.table[item["row"] : item["row"] + 1])
        gradients(worst, dev, predictor, folder)


def gradients(items: list[dict[str, Any]], dev: Any, predictor: Any, folder: Path | None, *, grid: int = GRID) -> None:
    """Adds `gradient` to the items where the model is made of networks; nothing to those of another kind."""
    if folder is None or predictor.card.get("type") == "sklearn" and predictor.card.get("matrix") != "features":
        return
    import torch

    from phasewise.kinds.images import exporting, gradient, pixels, scoring
    from phasewise.kinds.shared.programs import Work

    found = exporting.parts(Work(folder=folder, model=predictor, table=dev.table[:0], output=folder))
    if isinstance(found, str) or len({p.fitting for p, *_ in found}) > 1:
        return
    members = [(scoring.of_pixels(p, net).eval(), weight) for p, net, weight in found]
    for item in items:
        one = dev.table[item["row"] : item["row"] + 1]
        image = torch.from_numpy(np.ascontiguousarray(pixels.gather(one, predictor.fitting).transpose(0, 3, 1, 2)))
        top = int(predictor.predict(one).proba[0].argmax())
        item["gradient"] = gradient.gridded(gradient.saliency(members, image, top, predictor.card["task"]), grid)


def occlusion(predictor: Any, one: Any, *, grid: int = GRID) -> list[list[float]]:
    """How much the predicted class's probability falls when a cell of a grid is painted with the picture's mean (Zeiler & Fergus 2013)."""
    import polars as pl

    from phasewise.kinds.images import pixels

    image = pixels.gather(one, predictor.fitting)[0]
    tried = [image, *(_painted(image, _cell(image.shape[0], grid, i, j)) for i in range(grid) for j in range(grid))]
    said = predictor.predict(pixels.with_arrays(pl.DataFrame({"path": [one["path"][0]] * len(tried)}), tried)).proba
    top = int(said[0].argmax())
    drop = (said[0, top] - said[1:, top]).reshape(grid, grid)
    return [[round(float(v), 4) for v in line] for line in drop]


def _cell(side: int, grid: int, i: int, j: int) -> tuple[slice, slice]:
    return slice(i * side // grid, (i + 1) * side // grid), slice(j * side // grid, (j + 1) * side // grid)


def _painted(image: np.ndarray, cell: tuple[slice, slice]) -> np.ndarray:
    out = image.copy()
    out[cell] = image.reshape(-1, image.shape[2]).mean(0).astype(np.uint8)
    return out


def regions(metric_id: str, dev: Any, predictor: Any, held: Any, *, seed: int = 0, most: int = 400, grid: int = 3) -> list[dict[str, Any]]:
    """Drop of the metric when one ninth of every picture is painted over: where in the picture the model looks, largest first."""
    from phasewise.kinds.images import pixels
    from phasewise.stats.paired import difference

    pick = np.sort(np.random.default_rng(seed).permutation(len(held.rows))[:most])
    part, y = dev.table[held.rows[pick]], held.y[pick]
    images = pixels.gather(part, predictor.fitting)
    base, names = predictor.predict(part), (("top", "middle", "bottom"), ("left", "centre", "right"))
    out = []
    for i in range(grid):
        for j in range(grid):
            cell = _cell(images.shape[1], grid, i, j)
            changed = predictor.predict(pixels.with_arrays(part.select("path"), [_painted(image, cell) for image in images]))
            found = difference(metric_id, y, base, changed, resamples=200)
            out.append({"column": f"{names[0][i]} {names[1][j]}", "drop": found.value, "low": found.low, "high": found.high, "keep": bool(found.low > 0)})
    return sorted(out, key=lambda d: -d["drop"])
