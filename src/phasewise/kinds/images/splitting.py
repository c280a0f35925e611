"""The split of pictures: copies and near copies stay together, given part folders are respected, test pictures are sealed."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.images import cache, copies, grouping, labels, pixels, reading, sealed, sealing
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.shared import drawing, splitchecks
from phasewise.kinds.shared import sealing as shared
from phasewise.kinds.shared.assigning import DROPPED, PARTS, TEST, TRAIN, VALIDATION
from phasewise.kinds.shared.drawing import Drawn
from phasewise.kinds.shared.labels import Labels
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.findings import Finding
from phasewise.records.jobs import SplitJob
from phasewise.records.results.data import SplitResult
from phasewise.records.text import safe_text

PICTURES = "pictures.arrow"
LISTED = 500
_CODES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
Progress = Callable[..., Any]


@dataclass(kw_only=True)
class Album:
    """All readable pictures as the split sees them."""

    pictures: reading.Pictures
    frame: pl.DataFrame
    labels: Labels
    hashes: np.ndarray
    external: np.ndarray
    near: copies.Near = field(default_factory=copies.Near)
    group: np.ndarray | None = None
    """Group number of each picture, int64 [n]; negative for a picture on its own, None where no groups are named."""


def split(project: Any, job: SplitJob, progress: Progress) -> SplitResult:
    """Decode everything once, draw, verify, seal and record.

    Test pictures go to the vault only; `splits/` and the store below `.phasewise` hold development pictures.
    Raises `BadInputError` for folders that cannot be used.
    """
    scratch = project.path / ".phasewise" / "cache" / "decoding"
    album = read_album(job, scratch, progress)
    progress(0, 4, note="copies")
    drawn = draw(album, job)
    progress(1, 4, note="checks on counts")
    findings = check(album, drawn, job)
    progress(2, 4, note="sealing")
    recognised = sealed.packed(album.frame.filter(pl.Series(drawn.part == TEST)), album.pictures.fitting, album.frame.filter(pl.Series(np.isin(drawn.part, (TRAIN, VALIDATION)))))
    manifest = _seal(project, album, drawn, job, sealed.digest(recognised))
    parts = drawing.summaries(album.labels, drawn)
    found = drawing.result(album, drawn, job, findings, manifest, policy="file" if album.external.any() else job.policy, parts=parts)
    _write(project, album, drawn, job, found, recognised)
    shutil.rmtree(scratch, ignore_errors=True)
    progress(4, 4, note="done")
    return found


def read_album(job: SplitJob, scratch: Path, progress: Progress) -> Album:
    """The folder (and the test folder named by the job) decoded, with labels and content keys."""
    pictures = reading.read(job.data, store=scratch, progress=progress, group=job.group or "")
    frame, external = pictures.frame, np.zeros(pictures.frame.height, bool)
    if job.test_file:
        view = job.data.model_copy(update={"reading": {**job.data.reading, "image_size": pictures.fitting.size, "channels": pictures.fitting.channels, "white": pictures.fitting.white}})
        test = reading.read(view, Path(job.test_file).expanduser(), store=scratch, progress=progress, group=job.group or "")
        only = sorted(set(test.classes) - set(pictures.classes))
        if only:
            raise BadInputError("the test folder has classes that the data lacks", f"{', '.join(repr(safe_text(c, 40)) for c in only[:5])}.", "Rename the folders, or add training pictures.", where=str(job.test_file))
        frame = pl.concat([frame, test.frame.with_columns(pl.col(pixels.ROW) + int(frame[pixels.ROW].max()) + 1)], how="vertical")
        external = np.r_[external, np.ones(test.frame.height, bool)]
    found = labels.encode(frame[pixels.TARGET], job.data)
    return Album(pictures=pictures, frame=frame, labels=found, hashes=copies.keys(frame), external=external, group=grouping.numbers(frame))


def draw(album: Album, job: SplitJob) -> Drawn:
    """Part of each picture; a pure function of contents, policy and seed."""
    use = album.labels.known
    n = int((use & ~album.external).sum())
    if n < 10:
        raise BadInputError("too few pictures", f"{n} readable pictures with a class; at least 10 are needed.", "Add pictures.", where=job.data.file)
    album.near = copies.near(album.frame, album.pictures.fitting)
    if job.policy == "grouped" and (album.group is None or not (album.group >= 0).any()):
        raise UsageError("no groups are named", f"{safe_text(job.group or 'Nothing', 60)!r} tells no groups among these pictures.", f"Name what tells them (data.group): {grouping.NAME!r}, {grouping.FOLDER!r} or a column of the list.")
    cluster = copies.clusters(album.frame, album.near, album.group if job.policy == "grouped" else None)
    stratum = np.where(use, album.labels.y, 0) if job.policy != "random" else np.zeros(len(use), np.int64)
    drawn = Drawn(part=np.full(len(use), DROPPED, np.int8), clusters=cluster, stratum=stratum)
    wanted = drawing.sizes_of(album.labels, job, n)
    given = album.frame["part"].to_numpy().astype(str)
    if job.test_file:
        drawn.part[album.external & use] = TEST
        drawing.divide_rest(album, job, drawn, use & ~album.external & ~drawing.quarantine(drawn, album.external, use))
    elif job.policy == "file":
        _given(album, job, drawn, given, use)
    elif job.policy in ("random", "stratified", "grouped"):
        drawn.folds = wanted.folds
        drawing.at_random(album, job, drawn, wanted, use)
        if len(np.unique(given[given != ""])) > 1:
            drawn.notes.append("the folder names parts of its own; this policy mixes them and draws anew")
    else:
        raise UsageError(f"pictures cannot be split by {job.policy!r}", "They carry no time column.", "Use `stratified`, `random`, `grouped`, or part folders with `file`.")
    if drawn.folds:
        drawing.fold(album, drawn, job)
    drawing.say_clusters(drawn, use)
    drawn.notes.extend(cluster.notes)
    return drawn


def _given(album: Album, job: SplitJob, drawn: Drawn, given: np.ndarray, use: np.ndarray) -> None:
    """Parts as the folders (or the IDX file names) say; without a test part the given validation is sealed as the test."""
    names = {str(v) for v in np.unique(given[use])} - {""}
    if not names & {"test", "validation"}:
        raise UsageError("no parts are given", "Neither part folders (train, val, test) nor a test folder were found.", "Choose the policy `stratified`, or name a test folder.")
    if "test" not in names:
        given = np.where(given == "validation", "test", given)
        drawn.notes.append("the given validation folder is sealed as the test; validation is drawn from the training folder")
    part = np.where(use, np.array([_CODES.get(g, TRAIN) for g in given], np.int8), DROPPED)
    for held, others in ((TEST, (TRAIN, VALIDATION)), (VALIDATION, (TRAIN,))):  # what judges stays, its copies among what is learned from go
        rest = np.isin(part, others)
        before = drawn.quarantined
        part = np.where(drawing.quarantine(drawn, part == held, rest) & rest, DROPPED, part)
        drawn.quarantined += before
    drawn.part[:] = part
    if not (drawn.part == VALIDATION).any():
        drawing.divide_rest(album, job, drawn, drawn.part == TRAIN)


def check(album: Album, drawn: Drawn, job: SplitJob) -> list[Finding]:
    """P01-P12 on counts only."""
    part, found = drawn.part, album.labels
    used = part != DROPPED
    given = job.policy == "file" or bool(job.test_file)
    out = splitchecks.copies(album.hashes, part, splitchecks.across(drawn.clusters.label, part) if given else -1, drawn.quarantined, pictures=True)
    out += splitchecks.classes(found.y[used], found.classes, part[used], drawn.folds, "file" if given else job.policy)
    out += _together(album, part, job)
    out += splitchecks.shift(found.y[used], part[used])
    facts = album.frame.select([c for c in pixels.FACTS if c in album.frame.columns]).to_numpy().astype(float)
    out += splitchecks.distinguishable(facts, part, "file" if given else job.policy, job.seed)
    out += splitchecks.size(int((part == TEST).sum()), drawing.half_width(found, part), drawn.folds, job.policy)
    return out + splitchecks.by_construction()


def _together(album: Album, part: np.ndarray, job: SplitJob) -> list[Finding]:
    """P04: groups that are named stand in one part; where none are named, those that names suggest and pixels confirm."""
    if album.group is not None and job.group:
        return splitchecks.group_and_time(part, np.where(album.group < 0, -1 - np.arange(len(part)), album.group), None, job.policy, job.claim, 0.0, job.group)
    listing = album.pictures.listing
    if listing is None:
        return []
    frame, place = album.frame.filter(pl.Series(~album.external)), {p: i for i, p in enumerate(album.frame["path"].to_list())}

    def load(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = [(int(k), place[p]) for k in numbers if (p := listing.items[int(k)].path) in place]
        return np.array([k for k, _ in rows], np.int64), pixels.gather(frame[[i for _, i in rows]], album.pictures.fitting)

    for one in grouping.found(listing, load):
        if one.related:
            number = grouping.numbered([one.ids[listing_place] for listing_place in frame[pixels.ROW].to_list()])
            shared = splitchecks.across(number[number >= 0], part[: frame.height][number >= 0])
            return [splitchecks.suggested_groups(shared, one.column, one.said, one.alike)] if shared else []
    return []


def _seal(project: Any, album: Album, drawn: Drawn, job: SplitJob, recognised: str) -> str:
    from phasewise.project.vault import Vault

    parts, rule = drawing.summaries(album.labels, drawn), album.near
    about = shared.manifest(
        project=project.path.name, identity=[album.pictures.identity.model_dump()], policy=job.policy, claim=job.claim, seed=job.seed, generation=job.generation, gap=0.0,
        group=job.group, time=None, recipe=job.data.model_dump(), near={"hash_bits": float(rule.bits), "correlation": rule.alike, **({"rest": rule.rest} if rule.rest else {})},
        parts={PARTS[c]: (album.hashes[drawn.part == c], parts[PARTS[c]].model_dump(exclude={"rows"})) for c in (TRAIN, VALIDATION, TEST)},
    )
    about["parts"]["test"]["recognised_by"] = recognised
    rows = sealing.standing_alone(album.frame.filter(pl.Series(drawn.part == TEST)))
    with Vault(project.path) as vault:
        return vault.seal(shared.to_bytes(rows), about, reason=job.reason)


def _write(project: Any, album: Album, drawn: Drawn, job: SplitJob, found: SplitResult, recognised: bytes) -> None:
    """Row numbers, the facts of development pictures, and their store; nothing of a test picture stays outside the vault."""
    from phasewise.project import atomic

    developed = np.isin(drawn.part, (TRAIN, VALIDATION)) & ~album.external
    frame = album.frame.filter(pl.Series(developed))
    fitting: Fitting = album.pictures.fitting
    numbers = album.frame[pixels.ROW].to_numpy().astype(np.int64)
    drawing.write(project, album, drawn, job, found, numbers=numbers, about={
        "file": album.pictures.identity.model_dump(), "columns": list(pixels.roles(frame)), "roles": pixels.roles(frame), "formats": {}, "target": pixels.TARGET,
        "reading": {k: str(v) for k, v in job.data.reading.items()}, "fitting": {"size": fitting.size, "channels": fitting.channels, "resize": fitting.resize, **({"white": fitting.white} if fitting.white else {})},
        "layout": album.pictures.layout, "sealed": sealed.digest(recognised), "broken": [list(b) for b in album.pictures.broken[:LISTED]], "cruft": [list(c) for c in album.pictures.cruft[:LISTED]],
        "broken_count": len(album.pictures.broken), "cruft_count": len(album.pictures.cruft),
        "broken_reasons": dict(Counter(why for _, why in album.pictures.broken).most_common(20)), "cruft_reasons": dict(Counter(why for _, why in album.pictures.cruft).most_common(20)),
    })
    atomic.replace(project.path / "splits" / sealed.FILE, recognised)
    atomic.replace(project.path / "splits" / PICTURES, shared.to_bytes(frame.drop(pixels.STORE, pixels.INDEX)))
    cache.keep(frame, project.path / ".phasewise" / "cache" / "pictures", fitting)
