"""Checks of picture folders (I01-I18): on development pictures; what is left out stays where it is (quarantine, never deletion)."""

import re
from collections import Counter

import numpy as np
import polars as pl

from phasewise.checks.leaks import target_leak
from phasewise.checks.registry import Info, all_checks, check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent
from phasewise.kinds.images import copies, files, pixels
from phasewise.records.findings import Finding

SHARED = ("amount", "imbalance", "rare-class", "prior-shift", "source-card")
"""Checks of tables that mean the same for pictures."""
SMALLEST = 8
MANY = 0.2
"""Share of pictures from which on a fault of some is the nature of all."""
PLAIN, WHITE, BLANK = 16.0, 200, 4.0
"""Deviation of brightness below which a white picture shows nothing: an overexposed one has below 10. Where the darkest twentieth of most pictures is above `WHITE` (pages), only blank ones."""
WORDS = {"taken": "The day a picture was taken", "number": "The number in the file name", "exif": "Having EXIF tags", "beginning": "The beginning of the file name"}


def infos() -> list[Info]:
    """The checks of this kind, and those of tables that fit."""
    from phasewise.kinds.images import checks_labels, checks_shortcuts

    own = [f.check for module in (globals(), vars(checks_labels), vars(checks_shortcuts)) for f in module.values() if callable(f) and hasattr(f, "check") and f.__module__.startswith(__name__)]
    return own + [c for c in all_checks("table") if c.id in SHARED]


def doubts(table: CheckTable):
    """The label-review queue of pictures (I15, D18)."""
    from phasewise.kinds.images import checks_labels

    return checks_labels.doubts(table)


def pictured(result, table: CheckTable):
    """Findings with small pictures of their examples."""
    from phasewise.kinds.images import exhibits

    return exhibits.pictured(result, table)


def _rows(table: CheckTable, mask: np.ndarray) -> list[int]:
    return [int(r) for r in table.subject.table["__row__"].to_numpy()[mask]]


def _paths(table: CheckTable, mask: np.ndarray) -> list[str]:
    return table.subject.table["path"].filter(mask)[:5].to_list()


def _n(count: int, one: str, many: str) -> str:
    """`1 file cannot` or `3 files cannot`."""
    return f"{count:,} {one if count == 1 else many}"


def _reasons(about: dict, which: str) -> Counter:
    """Reason -> files: counted when everything was read; splits made before that was kept know the first 500."""
    return Counter(about.get(f"{which}_reasons") or Counter(why for _, why in about.get(which, [])))


def _named(title: str, paths: list[str], count: int) -> str:
    """A title with the name of its file, or of the first."""
    return f"{title}: {paths[0]}{' ...' if count > 1 else ''}" if paths else title


def _leave_out(table: CheckTable, mask: np.ndarray, *, recommended: bool = False):
    return remedy("drop-rows", recommended=recommended, title="leave these pictures out", effect="They are not used; the files stay where they are.", rows=_rows(table, mask))


@check("unreadable", source="I01, D02", cost="free")
def unreadable(table: CheckTable) -> list[Finding]:
    """Files that are no whole picture: found when everything was decoded, in no part, still on disk."""
    about = table.options.get("split") or table.subject.split
    count, listed = int(about.get("broken_count", 0)), about.get("broken", [])
    if not count:
        return []
    reasons = _reasons(about, "broken")
    seen = "; ".join(f"{n:,} {why}" for why, n in reasons.most_common(4))
    return [finding("unreadable", "warn", _named(f"{_n(count, 'file', 'files')} cannot be read", [p for p, _ in listed], count), f"{seen}. {'It is' if count == 1 else 'They are'} in no part.", rows=count, examples=[p for p, _ in listed[:5]], numbers={"count": count}, remedies=[remedy("accept", recommended=True, title="go on without them")])]


@check("cruft", source="I02", cost="free")
def cruft(table: CheckTable) -> list[Finding]:
    """Files that are no pictures, hidden, linked or beside the class folders."""
    about = table.subject.split
    count, listed = int(about.get("cruft_count", 0)), about.get("cruft", [])
    if not count:
        return []
    reasons: Counter = Counter()
    for why, n in _reasons(about, "cruft").items():
        reasons[re.sub(r"^row [0-9]+: ", "", why)] += n
    seen = "; ".join(f"{n:,} {why}" for why, n in reasons.most_common(4))
    odd = any(word in why for why in reasons for word in ("leaves the folder", "without pictures", "no UTF-8"))
    return [finding("cruft", "warn" if odd else "info", _named(_n(count, "other file is passed over", "other files are passed over"), [p for p, _ in listed], count), f"{seen}.", rows=count, examples=[p for p, _ in listed[:5]], remedies=[remedy("accept", recommended=True, title="pass them over")])]


@check("wrong-extension", source="I03", cost="free")
def wrong_extension(table: CheckTable) -> list[Finding]:
    """Files whose content is another format than their name says."""
    frame = table.subject.table
    if "wrong_extension" not in frame.columns or not frame["wrong_extension"].any():
        return []
    mask = frame["wrong_extension"].to_numpy()
    return [finding("wrong-extension", "info", _n(int(mask.sum()), "file has the extension of another format", "files have the extension of another format"), "They are read by their content.", rows=int(mask.sum()), examples=_paths(table, mask), remedies=[remedy("note", recommended=True), _leave_out(table, mask)])]


@check("mixed-modes", source="I04, I05", cost="free")
def mixed_modes(table: CheckTable) -> list[Finding]:
    """Grey, palette, transparent, 16-bit, animated or turned pictures among others: what was converted."""
    frame = table.subject.table
    out = []
    modes = Counter(frame["mode"].to_list()) if "mode" in frame.columns else Counter()
    if len(modes) > 1:
        out.append(finding("mixed-modes", "info", "Pictures of several colour modes", ", ".join(f"{n:,} {m}" for m, n in modes.most_common(5)) + "; all are converted to one.", columns=["mode"], remedies=[remedy("accept", recommended=True)]))
    if "turned" in frame.columns and frame["turned"].any():
        mask = frame["turned"].to_numpy()
        out.append(finding("mixed-modes", "info", _n(int(mask.sum()), "picture carries a rotation tag", "pictures carry a rotation tag"), "They are turned upright when decoded.", place="turned", rows=int(mask.sum()), examples=_paths(table, mask), remedies=[remedy("accept", recommended=True)]))
    if "frames" in frame.columns and (frame["frames"] > 1).any():
        mask = (frame["frames"] > 1).to_numpy()
        out.append(finding("mixed-modes", "info", _n(int(mask.sum()), "animated file", "animated files"), "Their first frame is used.", place="animated", rows=int(mask.sum()), examples=_paths(table, mask), remedies=[remedy("accept", recommended=True), _leave_out(table, mask)]))
    return out


def _alone(table: CheckTable) -> list[Finding]:
    """Classes of one picture: nothing can be learned of them and judged too, so a person decides; no remedy is recommended."""
    counts = dict(zip(table.facts.classes, table.facts.class_counts.tolist(), strict=True))
    alone = [c for c, n in counts.items() if n == 1]
    if not alone or len(counts) < 2:
        return []
    offers = [remedy("note", title="collect pictures of it, then split again"), remedy("accept", title="go on; the class is as good as absent")]
    if len(counts) > 2:
        nearest = min((c for c in counts if c not in alone), key=lambda c: counts[c], default=None)
        if nearest is not None:
            offers.insert(0, remedy("merge-rare", map={c: f"{'+'.join(alone)}+{nearest}" for c in (*alone, nearest)}, columns=[table.target], title=f"join it with {nearest!r}"))
    named = ", ".join(repr(c) for c in alone[:5])
    return [finding("class-folders", "block", _n(len(alone), "class has a single picture", "classes have a single picture"), f"{named}: one picture can be learned from or judged, never both. Nothing is advised here: whether the class matters is yours to say.", place="alone", rows=len(alone), columns=[table.target], examples=alone[:5], harm=1, remedies=offers)]


def _crossed(table: CheckTable) -> list[Finding]:
    """Every class folder holds the same folders: perhaps those are the classes, and the outer ones places or people."""
    frame = table.subject.table
    inner = files.crossed(list(zip(frame[table.subject.target].to_list(), frame["folder"].to_list(), strict=True))) if "folder" in frame.columns else []
    if not inner:
        return []
    said = f"Each holds {', '.join(repr(f) for f in inner[:6])}. If these are the classes and {', '.join(repr(c) for c in table.subject.classes[:3])} places, cameras or people, what is learned now is the place: --set data.target={files.INNER}"
    return [finding("class-folders", "warn", "Every class folder holds the same folders", f"{said}.", place="crossed", columns=[table.target], examples=inner[:5], remedies=[remedy("accept", recommended=True, title="the outer folders are the classes")])]


@check("class-folders", source="I06", cost="free")
def class_folders(table: CheckTable) -> list[Finding]:
    """Class names that differ only in case or blanks, and classes with very few pictures."""
    alone, names = [*_alone(table), *_crossed(table)], list(table.subject.classes)
    twins = [n for n, k in Counter(c.strip().casefold() for c in names).items() if k > 1]
    if not twins:
        return alone
    pairs = {c: next(o for o in names if o.strip().casefold() == c.strip().casefold()) for c in names if c.strip().casefold() in twins}
    offers = [remedy("merge-levels", recommended=True, map={a: b for a, b in pairs.items() if a != b}, columns=[table.target]), remedy("accept")]
    return [*alone, finding("class-folders", "block", "Class folders differ only in spelling", ", ".join(sorted(pairs)), columns=[table.target], remedies=offers)]


@check("exact-copies", source="I07", cost="pass")
def exact_copies(table: CheckTable) -> list[Finding]:
    """The same file more than once (kept in one part by the split)."""
    keys = copies.keys(table.subject.table)
    first = np.zeros(len(keys), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    extra = ~first
    out = []
    if extra.any():
        out.append(finding("exact-copies", "info", _n(int(extra.sum()), "file is a copy of another", "files are copies of another"), "The split keeps copies in one part.", rows=int(extra.sum()), examples=_paths(table, extra), numbers={"share": float(extra.mean())}, remedies=[_leave_out(table, extra), remedy("accept", recommended=True)]))
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    clash = same & (table.subject.y[order][1:] != table.subject.y[order][:-1])
    if clash.any():
        mask = np.isin(keys, keys[order][1:][clash])
        out.append(finding("copies-two-classes", "warn", f"{int(mask.sum()):,} pictures lie in two classes", "The same file has different labels.", rows=int(mask.sum()), examples=_paths(table, mask), harm=100 * float(mask.mean()) / 2, remedies=[_leave_out(table, mask, recommended=True), remedy("review-labels"), remedy("accept")]))
    return out


@check("near-copies", source="I08, I09, I17", cost="pairs")
def near_copies(table: CheckTable) -> list[Finding]:
    """Re-saved, resized, mirrored or neighbouring frames; with two labels a conflict."""
    dev = table.subject
    pairs = copies.near_pairs(dev.table, dev.fitting)
    if not len(pairs):
        return []
    touched = np.zeros(len(dev.y), bool)
    touched[pairs.ravel()] = True
    later = np.zeros(len(dev.y), bool)
    later[pairs.max(1)] = True
    neighbours = float((np.abs(pairs[:, 0] - pairs[:, 1]) <= 2).mean())
    burst = " Most are neighbours in name order: frames of a video or a burst?" if neighbours > 0.5 and len(pairs) >= 10 else ""
    out = [finding("near-copies", "warn" if burst else "info", f"{int(touched.sum()):,} pictures are nearly the same as another", f"{_n(len(pairs), 'pair', 'pairs')}, mirrored ones included; the split keeps them in one part.{burst}", rows=int(touched.sum()), examples=[f"{dev.table['path'][int(a)]} = {dev.table['path'][int(b)]}" for a, b in pairs[:5]], numbers={"pairs": len(pairs), "neighbours": neighbours}, remedies=[_leave_out(table, later), remedy("keep-together", recommended=True)])]
    clash = pairs[dev.y[pairs[:, 0]] != dev.y[pairs[:, 1]]]
    if len(clash):
        mask = np.zeros(len(dev.y), bool)
        mask[clash.ravel()] = True
        out.append(finding("near-copies-two-classes", "warn", _n(len(clash), "nearly equal pair has two classes", "nearly equal pairs have two classes"), "One of the two labels is wrong, or the classes cannot be told apart.", rows=int(mask.sum()), examples=[f"{dev.table['path'][int(a)]} = {dev.table['path'][int(b)]}" for a, b in clash[:5]], remedies=[remedy("review-labels", recommended=True), _leave_out(table, mask)]))
    return out


def _tiny(frame: pl.DataFrame) -> np.ndarray:
    side = np.minimum(frame["width"].to_numpy(), frame["height"].to_numpy()).astype(float)
    return side < min(SMALLEST, np.median(side))


@check("odd-size", source="I10, D02", cost="free")
def odd_size(table: CheckTable) -> list[Finding]:
    """Tiny pictures, and sides or aspect ratios far from the others'."""
    frame = table.subject.table
    width, height = frame["width"].to_numpy().astype(float), frame["height"].to_numpy().astype(float)
    side, ratio = np.minimum(width, height), np.maximum(width, height) / np.maximum(np.minimum(width, height), 1)
    out = []
    tiny = _tiny(frame)
    if tiny.any():
        out.append(finding("odd-size", "warn", _named(f"{_n(int(tiny.sum()), 'picture has', 'pictures have')} a side below {SMALLEST} px", _paths(table, tiny), int(tiny.sum())), "There is nothing to see in them.", place="tiny", rows=int(tiny.sum()), examples=_paths(table, tiny), remedies=[_leave_out(table, tiny, recommended=True), remedy("accept")]))
    middle, usual = np.median(side), np.median(ratio)
    odd = ((side < middle / 4) | (side > 4 * middle) | (ratio > 4 * usual)) & ~tiny
    if odd.any():
        shape = f"the usual side is {middle:.0f} px" + (f" and pictures are {usual:.1f} times as long as wide" if usual > 1.5 else "")
        out.append(finding("odd-size", "info", f"{_n(int(odd.sum()), 'picture is', 'pictures are')} of unusual size or shape", f"{shape[:1].upper()}{shape[1:]}; these are below a quarter, above four times, or four times as long.", place="shape", rows=int(odd.sum()), examples=_paths(table, odd), remedies=[_leave_out(table, odd), remedy("accept", recommended=True)]))
    return out


@check("exposure", source="I11", cost="pass")
def exposure(table: CheckTable) -> list[Finding]:
    """Nearly black pictures (99th percentile below 40) or nearly white ones (5th above 235, and plain)."""
    frame = table.subject.table
    if "low" not in frame.columns:
        return []
    plain = PLAIN if frame["low"].median() < WHITE else BLANK
    out, seen = [], ~_tiny(frame)  # in a picture of a few pixels it is its size that is wrong
    for place, mask in (("dark", (frame["high"] < 40).to_numpy() & seen), ("light", ((frame["low"] > 235) & (frame["contrast"] < plain)).to_numpy() & seen)):
        if mask.any():
            share = float(mask.mean())
            out.append(finding("exposure", "warn" if share > 0.01 else "info", f"{_n(int(mask.sum()), 'picture is', 'pictures are')} nearly {'black' if place == 'dark' else 'white'}", f"{percent(share)} of the pictures." + (" That is the look of this set, or they are read wrongly: leaving them out would leave little." if share > MANY else ""), place=place, rows=int(mask.sum()), examples=_paths(table, mask), remedies=[_leave_out(table, mask, recommended=0.01 < share <= MANY), remedy("accept", recommended=not 0.01 < share <= MANY)]))
    return out


@check("blur", source="I12", cost="pass")
def blur(table: CheckTable) -> list[Finding]:
    """Little detail: log variance of the Laplacian two interquartile ranges below the first quartile (weak everywhere: information only)."""
    sharp = table.subject.table["sharpness"].to_numpy()
    low, high = np.quantile(sharp, [0.25, 0.75])
    mask = (sharp < low - 2 * (high - low)) & ~_tiny(table.subject.table)
    if not mask.any() or high <= low:
        return []
    return [finding("blur", "info", f"{_n(int(mask.sum()), 'picture has', 'pictures have')} little detail", "Blurred, or of a plain thing.", rows=int(mask.sum()), examples=_paths(table, mask), remedies=[remedy("accept", recommended=True), _leave_out(table, mask)])]


def _beginnings(paths: list[str], classes: list[str]) -> list[str]:
    """The letters that each file's name begins with; nothing where that is how a class is called."""
    known = [c.strip().casefold() for c in classes]
    found = [m.group().casefold() if (m := re.match(r"[^\W\d_]*", p.rpartition("/")[2])) else "" for p in paths]
    own = {b for b in set(found) if b and any(c.startswith(b) or b.startswith(c) for c in known)}
    return ["" if b in own else b for b in found]


@check("collected-apart", source="I13", cost="pass", rows=20_000)
def collected_apart(table: CheckTable) -> list[Finding]:
    """The day a picture was taken, its number or the beginning of its file name, or whether it has EXIF tells its class: the classes were collected apart. Each is judged by itself."""
    frame, dev = table.subject.table, table.subject
    frame = frame.with_columns(pl.Series("beginning", _beginnings(frame["path"].to_list(), list(dev.classes)), dtype=pl.String))
    out = []
    for name in [c for c in (*pixels.PROVENANCE, "beginning") if c in frame.columns and frame[c].n_unique() > 1]:
        held = frame.select(pixels.ROW, name, dev.target)
        if held[name].dtype == pl.Date:
            held = held.with_columns(pl.col(name).to_physical())
        role = "category" if name in ("exif", "beginning") else "number"
        apart = CheckTable(frame=held, target=dev.target, roles={name: role}, task=dev.task, train=dev.train, seed=table.seed, subject=dev)
        for one in target_leak(apart):
            if one.severity in ("warn", "block"):
                said = f"{WORDS[name]} tells the class with {one.numbers['score']:.2f} of 1 (cross-fitted Gini). A network does not see it, but what differs with it (camera, light, background, season) may be what it learns."
                out.append(finding("collected-apart", "warn", f"Classes were collected apart: {WORDS[name][:1].lower()}{WORDS[name][1:]} tells them", said, place=name, numbers=one.numbers, remedies=[remedy("accept", recommended=True, title="known: look at the slices by it")]))
    return out


@check("channel-statistics", source="I18, D07", cost="pass")
def channel_statistics(table: CheckTable) -> list[Finding]:
    """Mean and deviation per channel of the training pictures, beside those that pretrained networks expect."""
    from phasewise.kinds.images.preparing import channel_statistics as measured

    dev = table.subject
    mean, std = measured(dev.pixels(), np.asarray(dev.train))
    seen = f"mean {', '.join(f'{m:.3f}' for m in mean)}, deviation {', '.join(f'{s:.3f}' for s in std)}" + ("; ImageNet has 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225." if len(mean) == 3 else ".")
    return [finding("channel-statistics", "pass", "Channels are normalised by the training pictures", seen, numbers={"mean": mean, "std": std})]
