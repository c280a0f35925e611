"""The development pictures of a split: their facts, labels and decoded pixels; the vault is never needed here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.checks import remedies
from phasewise.kinds.images import cache, grouping, labels, pixels, reading
from phasewise.kinds.images.fitting import Fitting, refit
from phasewise.kinds.images.splitting import PICTURES
from phasewise.kinds.shared import development as shared
from phasewise.kinds.shared import sealing
from phasewise.kinds.shared.assigning import VALIDATION
from phasewise.kinds.shared.drawing import split_facts, split_rows
from phasewise.kinds.shared.naming import renamed
from phasewise.records.base import fingerprint
from phasewise.records.errors import StorageError
from phasewise.records.jobs import DataView


@dataclass(frozen=True, kw_only=True, eq=False)
class Development(shared.Development):
    """Development pictures: `table` [n] holds path, facts and where the pixels lie; `natural` the facts alone, for the checks."""

    fitting: Fitting = field(default_factory=lambda: Fitting(size=32, channels=3))
    store: Path = Path()
    """Folder of the decoded pixels."""
    weights: str = ""
    """Path of the pretrained weights that the answers name, or nothing."""
    network: str = ""
    """The architecture of the weights as a person named it, or nothing."""
    listed: pl.DataFrame = field(default_factory=pl.DataFrame)
    """All development rows as the split wrote them: what the pixel stores hold."""
    held: dict[str, Any] = field(default_factory=dict)
    """Arrays and tensors made once for this process."""

    @property
    def slicing(self) -> list[str]:
        """Columns that errors are looked at by: facts, and when and how a picture was collected."""
        return [*self.features, *(c for c in pixels.PROVENANCE if c in self.table.columns and self.table[c].n_unique() > 1)]

    def pixels(self, fitting: Fitting | None = None) -> np.ndarray:
        """Pixels of all rows of the table, uint8 (n, size, size, channels); another size is decoded from the files once and kept."""
        wanted = fitting or self.fitting
        key = f"pixels {wanted.mark}"
        if key not in self.held:
            whole = np.load(stored(self.listed, self.store, wanted, self.fitting), mmap_mode="r")
            index = self.table[pixels.INDEX].to_numpy()
            self.held[key] = whole if len(index) == len(whole) and (np.diff(index) == 1).all() else whole[index]
        return self.held[key]

    def rows_of_bytes(self, fitting: Fitting) -> int:
        """Bytes that the pixels of all rows take."""
        return self.table.height * fitting.size * fitting.size * fitting.channels

    def mapped(self, fitting: Fitting) -> np.ndarray:
        """As `pixels`, but always a map of a file, uint8 (n, size, size, channels): where rows were left out, a file without them is made once.

        The map is private: what is written to it (nothing should be) never reaches the file.
        """
        path = stored(self.listed, self.store, fitting, self.fitting)
        index = self.table[pixels.INDEX].to_numpy()
        if len(index) != self.listed.height:
            whole, path = np.load(path, mmap_mode="r"), path.with_name(f"{path.stem}-{fingerprint(index.tolist())[:16]}.npy")
            if not path.is_file():
                part = path.with_suffix(".part")
                out = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(index), *whole.shape[1:]))
                for start in range(0, len(index), 2048):
                    out[start : start + 2048] = whole[index[start : start + 2048]]
                out.flush()
                part.replace(path)
        return np.load(path, mmap_mode="c")


def stored(listed: pl.DataFrame, folder: Path, fitting: Fitting, native: Fitting) -> Path:
    """The file with the pixels of all development pictures, made from the source files where it is missing.

    Raises `StorageError` when a file is not the one that was split.
    """
    if "#" in listed["path"][0]:
        path = cache.idx_store(listed, folder, fitting)
        if not path.is_file():
            first = cache.idx_store(listed, folder, native)
            array = np.load(first, mmap_mode="r") if first.is_file() else _idx_again(listed, native)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path.with_suffix(".part.npy"), refit(array, fitting))
            path.with_suffix(".part.npy").replace(path)
        return path
    built = cache.build(cache.listing_of(listed), folder, fitting.size, fitting.channels, resize=fitting.resize, white=fitting.white)
    for place, (fact, digest) in enumerate(zip(built.facts, listed["sha256"].to_list(), strict=True)):
        if fact.error or fact.sha256 != digest:
            why = fact.error or "its content changed since the split"
            raise StorageError(f"{listed['path'][place]} is not the picture that was split", why, "Bring the old file back, or split again as a new generation.")
    return built.path


def _idx_again(listed: pl.DataFrame, native: Fitting) -> np.ndarray:
    """The pixels of some rows straight from the IDX files."""
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        view = DataView(kind="images", file=listed[pixels.ROOT][0], reading={"image_size": native.size, "channels": native.channels, "resize": native.resize})
        found = reading.read(view, store=Path(scratch)).frame
        keys = found.filter(pl.col(pixels.ROW).is_in(listed[pixels.ROW].implode()))
        if keys["sha256"].to_list() != listed["sha256"].to_list():
            raise StorageError("the IDX files are not those that were split", "Pictures changed since the split.", "Bring the old files back, or split again.")
        return pixels.gather(keys, native)


def complete_view(view: DataView, about: dict[str, Any]) -> DataView:
    """The view with what the split settled."""
    return view.model_copy(update={"task": view.task or about.get("task"), "target": pixels.TARGET, "roles": {**about.get("roles", {}), **view.roles}})


def fitting_in(about: dict[str, Any]) -> Fitting:
    """The fitting that the split decoded with."""
    return Fitting(**about["fitting"])


def _listed(path: Path) -> pl.DataFrame:
    """The development rows as the split wrote them; a `StorageError` that names the file where it is missing or damaged."""
    try:
        return sealing.from_bytes(path.read_bytes())
    except (OSError, StorageError) as error:
        raise StorageError(f"splits/{path.name} cannot be read", str(error), "Restore it from a copy, or split again as a new generation.") from None


def load(project: Any, view: DataView) -> Development:
    """The development pictures with the view's remedies and relabels applied.

    Raises `StorageError` when there is no split, or a picture is not the one that was split.
    """
    about, arrays = split_facts(project), split_rows(project)
    view = complete_view(view, about)
    listed = _listed(project.path / "splits" / PICTURES)
    folder = project.path / ".phasewise" / "cache" / "pictures"
    fitting = fitting_in(about)
    frame = listed.with_columns(pl.lit(str(stored(listed, folder, fitting, fitting))).alias(pixels.STORE), pl.Series(pixels.INDEX, np.arange(listed.height), dtype=pl.Int64))
    frame = remedies.apply(labels.relabelled(frame, view, pixels.TARGET, pixels.ROW), view.remedies, pixels.TARGET)
    found = labels.encode(frame[pixels.TARGET], view, _classes(view, about))
    frame = frame.filter(pl.Series(found.known))
    index = frame[pixels.INDEX].to_numpy()
    part, folds = arrays["part"][index], arrays["folds"][index] if "folds" in arrays else None
    roles = {c: view.roles.get(c, r) for c, r in pixels.roles(frame).items()}
    return Development(
        table=frame, natural=frame.select([pixels.ROW, *roles, pixels.TARGET]), y=found.y[found.known], task=found.task, classes=found.classes,
        train=np.flatnonzero(part != VALIDATION), validation=np.flatnonzero(part == VALIDATION), folds=None if folds is None else folds[:, 0], fold_repeats=folds,
        clusters=arrays["clusters"][index], groups=grouping.apart(frame), roles=roles, target=pixels.TARGET, split=about, fitting=fitting, store=folder, listed=listed,
        weights=str(view.options.get("weights") or ""), network=str(view.options.get("weights_network") or ""),
    )


def _classes(view: DataView, about: dict[str, Any]) -> tuple[str, ...] | None:
    """The split's classes, unless labels were renamed or merged."""
    classes = tuple(about.get("classes", ()))
    if renamed(view.relabel, classes) or any("merge" in v for v in view.remedies.values()):
        return None
    if view.positive and len(classes) == 2 and view.positive in classes:
        return tuple(sorted(classes, key=lambda c: c == view.positive))
    return classes
