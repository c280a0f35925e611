"""What a folder of pictures holds: class counts, sizes, a sample's looks; headers and names only, so it answers at once."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.kinds.images import decode, files, fitting, grouping, idx, pixels, reading
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.images.layout import inside
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView
from phasewise.records.results.data import Bin, ColumnSummary, ProfileResult, Proposal
from phasewise.records.text import safe_text

SAMPLE = 500
MOSTLY = 0.8
"""Share of a picture that a square from its middle must keep."""
LEAST_GROUPS = 5
"""Groups that every class must have for whole groups to be split: one for the test, and folds of the others."""
Progress = Callable[..., Any]


def quiet(done: float, total: float, **_: Any) -> None:
    """A progress callback that says nothing."""


def profile(view: DataView, progress: Progress = quiet) -> ProfileResult:
    """The profile of the view's folder, manifest or IDX files."""
    root = Path(view.file).expanduser()
    progress(0, 2, note="listing files")
    if reading.is_idx(root):
        name = pixels.TARGET
        labels, parts, facts, notes = _idx(root)
        total, groups = len(labels), []
    else:
        listing = files.scan(root, view.target or "")
        name = listing.target
        labels, parts = [i.label for i in listing.items], [i.part for i in listing.items]
        total = len(labels)
        progress(1, 2, note="looking at a sample")
        facts, notes = _sample(listing)
        if inner := files.crossed([(i.label, inside(i)) for i in listing.items]):
            notes.append(f"every class folder holds the same folders ({safe_text(', '.join(inner[:4]), 80)}): if these are the classes, set data.target={files.INNER}")
        groups = grouping.found(listing, lambda numbers: _small(listing, numbers))
    counts = Counter(labels)
    if len(counts) < 2:
        raise BadInputError("only one class", f"All {total:,} pictures lie in {safe_text(next(iter(counts), '?'))!r}.", "A classifier needs at least two class folders.")
    rare = [c for c, n in counts.items() if n < 10]
    if rare:
        notes.append(f"{len(rare)} {'class has' if len(rare) == 1 else 'classes have'} fewer than 10 pictures: {safe_text(', '.join(sorted(rare)[:5]), 120)}")
    columns = _columns(facts, labels, total, name) + [_group(g) for g in groups]
    given = {p for p in parts if p}
    policy = Proposal(value="file", reason="The folder names its own parts: " + ", ".join(sorted(given)) + ".") if "test" in given or "validation" in given else Proposal(value="stratified", reason="Every part gets its share of each class; copies stay together.")
    if policy.value != "file":
        policy = _by_group(groups, labels, policy, notes)
    progress(2, 2, note="done")
    return ProfileResult(
        files=[reading.identity(view, root)], kind="images", rows=total, columns=columns,
        targets=[Proposal(value=name, reason="The class is the folder a picture lies in." if name in (pixels.TARGET, files.INNER) else "This column of the manifest holds a few classes.")], target=name,
        task="binary" if len(counts) == 2 else "multiclass", classes=[Bin(label=safe_text(c, 60), count=n) for c, n in sorted(counts.items())],
        preview=[[safe_text(x, 80) for x in row] for row in _preview(facts, [dict(zip((i.path for i in listing.items), g.ids, strict=True)) for g in groups] if groups else [])], notes=notes, policy=policy, group_columns=[g.column for g in groups],
        reading={"image_size": str(_side(facts)), "resize": _way(facts, notes), "channels": str(_channels(facts))}, facts={"classes": float(len(counts)), "parts": ", ".join(sorted(given)) or "none"},
    )


def _small(listing: files.Listing, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of these numbers that can be read, and their pixels at 32 px."""
    read = [(int(k), decode.decode(listing.root / listing.items[int(k)].path, 32, 3, facts=False)[0]) for k in numbers]
    good = [(k, a) for k, a in read if a is not None]
    return np.array([k for k, _ in good], np.int64), np.stack([a for _, a in good]) if good else np.zeros((0, 32, 32, 3), np.uint8)


def _by_group(groups: list[grouping.Grouping], labels: list[str], usual: Proposal, notes: list[str]) -> Proposal:
    """Whole groups where pictures of one are alike, or where a list's column says so, and every class has enough of them."""
    best = next((g for g in groups if g.related or g.spoken), None)
    if best is None:
        return usual
    seen = f"Pictures belong together by {best.said}" + (f": one lies nearer to another of its group than of its class in {best.alike:.0%} of comparisons" if best.related else "")
    rare, few = grouping.fewest(best, labels)
    if few < LEAST_GROUPS:
        notes.append(f"{seen}; but {safe_text(rare, 40)!r} has {few} of them: too few to keep whole groups for the test, so scores say how well the model does on these groups, not on new ones")
        return usual
    return Proposal(value="grouped", reason=f"{seen}. A model that knows the group from training looks better than it is: whole groups stay together.")


def _group(found: grouping.Grouping) -> ColumnSummary:
    """What says which pictures belong together, as a column to choose."""
    held = Counter(g for g in found.ids if g)
    return ColumnSummary(name=found.column, role="ignore", dtype="text", rows=len(found.ids), missing=len(found.ids) - sum(held.values()), distinct=len(held), bars=[Bin(label=safe_text(g, 40), count=n) for g, n in held.most_common(10)], reason=found.said)


def _side(facts: list[tuple[str, str, Facts]]) -> int:
    middle = int(np.median([min(f.width, f.height) for _, _, f in facts])) if facts else fitting.DEFAULT_SIDE
    return middle if middle <= fitting.SMALL_SIDE else fitting.DEFAULT_SIDE


def _way(facts: list[tuple[str, str, Facts]], notes: list[str]) -> str:
    """`crop`, or `squash` where all pictures have one shape that is far from square (pages, panoramas): the crop would cut the same parts off all of them."""
    shapes = np.array([f.width / max(f.height, 1) for _, _, f in facts])
    if not len(shapes):
        return "crop"
    low, middle, high = np.quantile(shapes, (0.1, 0.5, 0.9))
    kept = min(middle, 1 / middle)
    if kept > MOSTLY or high > 1.15 * low:
        return "crop"
    long = f"{max(middle, 1 / middle):.1f} times as {'wide as high' if middle > 1 else 'high as wide'}"
    notes.append(f"all pictures are {long}: they are pressed into a square, for a square cut out of the middle would keep {kept:.0%} of each")
    return "squash"


def _channels(facts: list[tuple[str, str, Facts]]) -> int:
    return fitting.fitting_of({}, [(f.width, f.height) for _, _, f in facts], [f.mode for _, _, f in facts]).channels


def _sample(listing: files.Listing) -> tuple[list[tuple[str, str, Facts]], list[str]]:
    """Facts of up to `SAMPLE` pictures spread over the folder, and what was noticed."""
    step = max(1, len(listing.items) // SAMPLE)
    picked = listing.items[::step][:SAMPLE]
    facts, broken, white = [], [], fitting.white_of(reading.probe(listing)[2])
    for item in picked:
        _, fact = decode.decode(listing.root / item.path, 32, 3, white=white)
        (broken.append(item.path) if fact.error else facts.append((item.path, item.label, fact)))
    notes = []
    if listing.lead:
        notes.append(f"all pictures lie below {safe_text(listing.lead, 80)}: the folders in it are taken as the classes")
    if broken:
        notes.append(f"{len(broken)} of {len(picked)} pictures looked at are broken, first {safe_text(broken[0], 80)}; the data checks list all of them")
    if listing.cruft:
        notes.append(f"{len(listing.cruft):,} {'file' if len(listing.cruft) == 1 else 'files'} passed over, first {safe_text(listing.cruft[0][0], 60)} ({listing.cruft[0][1]})")
    return facts, notes


def _idx(root: Path) -> tuple[list[str], list[str], list[tuple[str, str, Facts]], list[str]]:
    labels: list[str] = []
    parts: list[str] = []
    facts = []
    for part, images_file, labels_file in idx.idx_pairs(root):
        images, given = idx.together(images_file, labels_file)
        found = [str(v) for v in given]
        labels += found
        parts += [part] * len(found)
        for i in range(0, len(images), max(1, len(images) // 100)):
            facts.append((f"{images_file.name}#{i}", found[i], Facts(width=images.shape[2], height=images.shape[1], mode="L", format="IDX", bright=float(images[i].mean()), contrast=float(images[i].std()))))
    return labels, parts, facts, []


def _columns(facts: list[tuple[str, str, Facts]], labels: list[str], total: int, target: str) -> list[ColumnSummary]:
    """Width, height, brightness, contrast, sharpness over the sample, and the label over all."""
    out = [_label(labels, total, target)]
    for name, pick in (("width", "width"), ("height", "height"), ("brightness", "bright"), ("contrast", "contrast"), ("sharpness", "sharpness")):
        values = np.array([float(getattr(f, pick)) for _, _, f in facts])
        if not len(values):
            continue
        counts, edges = np.histogram(values, bins=10)
        out.append(ColumnSummary(
            name=name, role="number", dtype="float", rows=len(values), missing=0, distinct=len(np.unique(values)), minimum=float(values.min()), maximum=float(values.max()),
            mean=float(values.mean()), std=float(values.std()), quantiles=[float(q) for q in np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])],
            bars=[Bin(label=f"{edges[i]:.3g}", count=int(c)) for i, c in enumerate(counts)], reason=f"from a sample of {len(values):,} pictures",
        ))
    return out


def _label(labels: list[str], total: int, target: str) -> ColumnSummary:
    counts = Counter(labels)
    return ColumnSummary(name=target, role="category", dtype="text", rows=total, missing=0, distinct=len(counts), bars=[Bin(label=safe_text(c, 40), count=n) for c, n in counts.most_common(10)], reason="the class folder" if target == pixels.TARGET else "the classes of the manifest")


def _preview(facts: list[tuple[str, str, Facts]], groups: list[dict[str, str]]) -> list[list[str]]:
    """A row a picture in the order of the columns (`groups`: path -> group, one for each way), and its file last."""
    step = max(1, len(facts) // 20)
    return [[label, str(f.width), str(f.height), f"{f.bright:.0f}", f"{f.contrast:.0f}", f"{f.sharpness:.1f}", *(g[path] for g in groups), path] for path, label, f in facts[::step][:20]]
