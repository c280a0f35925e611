"""From a folder, a manifest or IDX files to a table of pictures: facts now, pixels into a store or into the rows."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import cache, decode, files, grouping, idx, pixels
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.images.fitting import Fitting, fitting_of, refit
from phasewise.kinds.images.layout import inside
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView
from phasewise.records.results.data import FileIdentity
from phasewise.records.text import safe_text

Progress = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """All readable pictures as a table (`pixels.ROW`, path, label, part, facts) and what was passed over."""

    frame: pl.DataFrame
    classes: list[str]
    fitting: Fitting
    broken: list[tuple[str, str]]
    cruft: list[tuple[str, str]]
    identity: FileIdentity
    layout: str
    listing: files.Listing | None = None
    """The files behind it; none of IDX pairs."""


def probe(listing: files.Listing, limit: int = 200) -> tuple[list[tuple[int, int]], list[str], float]:
    """Sizes and modes from the headers of some pictures, spread over the listing, and the highest level in those of deep grey."""
    from PIL import Image

    sides, modes, highest = [], [], 0.0
    step = max(1, len(listing.items) // limit)
    for item in listing.items[::step][:limit]:
        try:
            with Image.open(listing.root / item.path, formats=decode.FORMATS) as image:
                sides.append(image.size)
                modes.append(image.mode)
                if image.mode[0] in "IF" and image.width * image.height <= decode.MAX_PIXELS:
                    highest = max(highest, float(image.getextrema()[1]))
        except Exception:  # noqa: BLE001 - a hostile header is a finding of the full pass, not an error of the probe
            continue
    return sides, modes, highest


def is_idx(path: Path) -> bool:
    """Whether a folder holds IDX pairs."""
    return path.is_dir() and bool(idx.idx_pairs(path))


def identity(view: DataView, path: Path | None = None) -> FileIdentity:
    """Name, bytes and a hash over names, sizes and classes of every file (contents are hashed when decoded)."""
    root = (path or Path(view.file)).expanduser()
    if not is_idx(root):
        return identity_of(root, files.scan(root, view.target or ""))
    parts = [(p.name, p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest()) for _, a, b in idx.idx_pairs(root) for p in (a, b)]
    return _identity(root, parts)


def identity_of(root: Path, listing: files.Listing) -> FileIdentity:
    """The same for a listing at hand."""
    return _identity(root, [(i.path, i.size, i.label + i.part) for i in listing.items])


def _identity(root: Path, parts: list[tuple[str, int, str]]) -> FileIdentity:
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return FileIdentity(name=safe_text(root.name, 120), size=sum(p[1] for p in parts), sha256=digest, rows=len(parts))


def _number(item: files.Item) -> int | None:
    """The last number in a picture's name, as cameras and scripts count."""
    found = re.findall(r"[0-9]{1,12}", Path(item.path).stem)
    return int(found[-1]) if found else None


def _provenance(items: list[files.Item], facts: list[Facts]) -> dict[str, Any]:
    """What tells how a picture was collected: no part of what a network sees, but of slices and of the check for classes collected apart (I13)."""
    return {
        "taken": pl.Series([f.taken or None for f in facts], dtype=pl.String).str.to_date(strict=False),
        "number": pl.Series([_number(i) for i in items], dtype=pl.Int64), "exif": ["yes" if f.exif else "no" for f in facts],
    }


def _fact_columns(facts: list[Facts], sizes: list[int]) -> dict[str, Any]:
    return {
        "width": [f.width for f in facts], "height": [f.height for f in facts], "bytes": sizes, "brightness": [f.bright for f in facts],
        "contrast": [f.contrast for f in facts], "sharpness": [f.sharpness for f in facts], "saturation": [f.saturation for f in facts],
        "format": [f.format for f in facts], "mode": [f.mode for f in facts], "sha256": [f.sha256 for f in facts],
        "phash": pl.Series([f.phash for f in facts], dtype=pl.UInt64), "phash_mirrored": pl.Series([f.phash_mirrored for f in facts], dtype=pl.UInt64),
        "low": [f.low for f in facts], "high": [f.high for f in facts], "border": [f.border for f in facts],
        "turned": [f.turned for f in facts], "wrong_extension": [f.wrong_extension for f in facts], "frames": [f.frames for f in facts],
    }


def read(view: DataView, path: Path | None = None, *, store: Path, progress: Progress | None = None, stop: Callable[[], bool] | None = None, listing: files.Listing | None = None, group: str = "") -> Pictures:
    """Decode everything (once) into a store below `store` and give the table of readable pictures; `group` names what tells which belong together (`grouping`).

    Raises `BadInputError` when nothing is readable.
    """
    root = (path or Path(view.file)).expanduser()
    if is_idx(root):
        return _read_idx(view, root, store)
    listing = listing or files.scan(root, view.target or "")
    fitting = fitting_of(view.reading, *probe(listing))
    built = cache.build(listing, store, fitting.size, fitting.channels, resize=fitting.resize, white=fitting.white, progress=(lambda d, t: progress(d, t, note="decoding", unit="pictures")) if progress else None, stop=stop)
    good = built.readable
    if not len(good):
        raise BadInputError("no picture can be read", f"All {len(listing.items):,} files of {safe_text(root)} are broken; the first: {built.facts[0].error}.", "Check that the files are JPEG, PNG, WebP, BMP, GIF or TIFF.")
    items = [listing.items[i] for i in good]
    facts = [built.facts[i] for i in good]
    frame = pl.DataFrame({
        pixels.ROW: pl.Series(good, dtype=pl.Int64), "path": [i.path for i in items], pixels.TARGET: [i.label for i in items], "part": [i.part for i in items],
        **_fact_columns(facts, [i.size for i in items]), **_provenance(items, facts), "folder": [inside(i) for i in items], pixels.ROOT: str(listing.root.resolve()),
    }).with_columns(pl.lit(str(built.path)).alias(pixels.STORE), pl.Series(pixels.INDEX, good, dtype=pl.Int64))
    if group:
        ids = grouping.ids_of(listing, group)
        frame = frame.with_columns(pl.Series(grouping.COLUMN, [ids[i] or None for i in good], dtype=pl.String))
    broken = [(listing.items[i].path, f.error) for i, f in enumerate(built.facts) if f.error]
    return Pictures(frame=frame, classes=listing.classes, fitting=fitting, broken=broken, cruft=listing.cruft, identity=identity_of(root, listing), layout=listing.layout, listing=listing)


def _read_idx(view: DataView, root: Path, store: Path) -> Pictures:
    """IDX pairs as one table; pixels go into a store at the asked size."""
    frames, blocks = [], []
    start = 0
    fitting = None
    for part, images_file, labels_file in idx.idx_pairs(root):
        images, labels = idx.together(images_file, labels_file)
        n, height, width = images.shape
        fitting = fitting or fitting_of(view.reading, [(width, height)], ["L"])
        blocks.append(refit(images[..., None], fitting))
        rows = np.arange(start, start + n)
        flat = images.reshape(n, -1)
        frames.append(pl.DataFrame({
            pixels.ROW: pl.Series(rows, dtype=pl.Int64), "path": [f"{images_file.name}#{i}" for i in range(n)], pixels.TARGET: [str(v) for v in labels], "part": [part] * n,
            "width": [width] * n, "height": [height] * n, "bytes": [height * width] * n, "folder": [""] * n, "border": np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1).mean(1), "brightness": flat.mean(1), "contrast": flat.std(1),
            "sharpness": np.log1p(np.abs(np.diff(flat.astype(np.int16), axis=1)).astype(np.float64).var(1)), "saturation": np.zeros(n), "format": ["IDX"] * n, "mode": ["L"] * n,
            "sha256": [hashlib.sha256(row.tobytes()).hexdigest() for row in images],
        }))
        start += n
    assert fitting is not None
    frame = pl.concat(frames)
    store.mkdir(parents=True, exist_ok=True)
    place = store / f"idx-{fitting.mark}.npy"
    np.save(place, np.concatenate(blocks))
    frame = frame.with_columns(pl.lit(str(root.resolve())).alias(pixels.ROOT), pl.lit(str(place)).alias(pixels.STORE), pl.Series(pixels.INDEX, np.arange(frame.height), dtype=pl.Int64))
    return Pictures(frame=frame, classes=sorted(frame[pixels.TARGET].unique().to_list()), fitting=fitting, broken=[], cruft=[], identity=identity(view, root), layout="idx")
