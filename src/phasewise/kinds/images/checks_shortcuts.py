"""Shortcuts: what tells a class without showing the thing (I13). Each is measured by itself; whether it belongs to what is shown is a person's to say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding
from phasewise.kinds.images import shortcuts
from phasewise.kinds.images.recipe import is_writing
from phasewise.kinds.images.shortcuts import LOOKS, PLACES, SAVED, Signal
from phasewise.records.findings import Finding

CERTAIN, SURELY = 0.95, 0.85
"""Area under the ROC curve from which on a signal tells a class, and its least lower bound. Measured: planted sizes, formats, frames, dots, watermarks 0.99 to 1.00; without them 0.4 to 0.65."""
CLEAR, LONELY = 0.88, 0.6
"""A weaker look is told when no other class differs in it at all."""
QUIET = 0.8
"""What a quarter of the other places reach at most, where a mark at one place is told."""
ALONE = 0.7
"""How well the other classes may be told from each other: brightness that orders all classes is rather the nature of the things."""
FOLLOW = ("sharpness", "bytes", "grain")
"""Looks that follow from how a picture was saved: told by that alone."""
WORDS = {"bytes": "file size", "grain": "noise", "mode": "colour mode"}
MEANT = "If it comes from how pictures were taken or saved and not from what they show, a network learns that instead and fails on others."


def _signals(dev: Any, seed: int) -> tuple[np.ndarray, dict[str, Signal]]:
    """Rows that were looked at and every signal by name."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(dev.y))[: shortcuts.ROWS])
    y, k, fold = dev.y[rows], len(dev.classes), shortcuts.folds_of(dev, rows, seed)
    frame, images = dev.table[rows], np.array(dev.pixels()[rows])
    values: dict[str, tuple[np.ndarray, float]] = {}
    for name in (*SAVED, *LOOKS):
        if name in frame.columns and frame[name].n_unique() > 1:
            values[name] = (shortcuts.levels(frame[name].to_list()) if name in ("format", "mode") else shortcuts.curved(frame[name].fill_null(0).to_numpy()), 1e-3)
    if _folders_tell(dev):
        values["folder"] = (shortcuts.levels(frame["folder"].to_list()), 1e-3)
    if images.shape[3] == 3:
        values["colour"] = (shortcuts.curved(shortcuts.colour(images)), 1e-3)
    if images.shape[1] >= 8:
        values |= {"grain": (shortcuts.curved(shortcuts.grain(images)), 1e-3), "rim": (shortcuts.frame(images), 1e-2), "within": (shortcuts.frame(images, 0.375), 1e-2)}
        values |= {name: (shortcuts.patch(images, place), 0.3) for place, name in PLACES.items()}
    return rows, {name: shortcuts.judged(name, x, y, k, fold, strength=strength) for name, (x, strength) in values.items()}


def _folders_tell(dev: Any) -> bool:
    """Whether folders inside the class folders could be a sign: not where every class has many of its own (clips, patients)."""
    if "folder" not in dev.table.columns or dev.table["folder"].n_unique() < 2:
        return False
    names, index = np.unique(dev.table["folder"].to_numpy().astype(str), return_inverse=True)
    held = np.unique(np.stack([index, dev.y]), axis=1)
    return not (len(held[0]) == len(names) and len(names) >= 3 * len(dev.classes))


def _tells(signal: Signal | None, c: int) -> bool:
    return signal is not None and bool(signal.auc[c] >= CERTAIN and signal.low[c] >= SURELY)


def _look(signal: Signal | None, c: int) -> bool:
    """Whether a look tells a class that is alone in it."""
    if signal is None or not (signal.auc[c] >= CLEAR and signal.low[c] >= QUIET):
        return False
    return signal.apart(c) <= (ALONE if _tells(signal, c) else LONELY) and (len(signal.auc) > 2 or _tells(signal, c))


@check("fact-tells-class", source="I13", cost="pass")
def fact_tells_class(table: CheckTable) -> list[Finding]:
    """How a picture was saved, its light, noise or colour, its rim or a mark at one place alone tells its class (a shortcut).

    Where all classes differ in a look (water, forest, town seen from above) it is rather what they are: that is not told.
    """
    dev = table.subject
    if len(np.unique(dev.y[np.asarray(dev.train)])) < 2:
        return []
    rows, found = _signals(dev, table.seed)
    two, y, out = len(dev.classes) == 2, dev.y[rows], []

    def told(c: int, title: str, seen: str, place: str, signals: Sequence[Signal]) -> Finding:
        mine = rows[y == c]
        paths = dev.table["path"].gather(mine[np.argsort(-signals[0].scores[y == c, c], kind="stable")[:4]]).to_list()
        return finding("fact-tells-class", "warn", title, f"{seen} {MEANT}", place=place, rows=len(mine), examples=paths, numbers={s.name: float(s.auc[c]) for s in signals}, remedies=[remedy("accept", recommended=True, title="it belongs to what is shown")])

    def whom(c: int) -> str:
        return "its class" if two else f"the class {dev.classes[c]!r}"

    for c in [int(found[max(found, key=lambda n: found[n].auc[found[n].best] if found[n].best >= 0 else 0)].best)] if two and found else range(len(dev.classes)):
        if c < 0:
            continue
        saved = [found[n] for n in (*SAVED, "folder") if _tells(found.get(n), c)]
        if saved:
            names = _listed([WORDS.get(s.name, s.name) for s in saved])
            out.append(told(c, f"{names[0].upper()}{names[1:]} of a picture alone {'tells' if len(saved) == 1 else 'tell'} {whom(c)}", _measure(saved, c), saved[0].name, saved))
        marks = [found[n] for n in PLACES.values() if n in found]
        here = [s for s in marks if _tells(s, c) and s.apart(c) <= ALONE]
        spread = bool(marks) and np.quantile([s.auc[c] for s in marks], 0.25) > QUIET
        rim = _tells(found.get("rim"), c) and found["within"].auc[c] <= found["rim"].auc[c] - 0.1
        if rim and (spread or not here):
            out.append(told(c, f"The rim of a picture alone tells {whom(c)}", f"{_measure([found['rim']], c)} Lines further in: {found['within'].auc[c]:.2f}. A frame, a mask, another background?", "rim", [found["rim"]]))
        elif here and not spread:
            out.append(told(c, f"{_capital(_listed([s.name for s in here]))} alone {'tells' if len(here) == 1 else 'tell'} {whom(c)}", f"{_measure(here, c)} A watermark, a date, a mark of the camera?", "mark", here))
        elif looks := sorted((found[n] for n in (*LOOKS, "grain", "colour") if not (saved and n in FOLLOW) and _look(found.get(n), c)), key=lambda s: -s.auc[c]):
            names = _listed([WORDS.get(s.name, s.name) for s in looks[:3]])
            out.append(told(c, f"{_capital(names)} of a picture alone {'tells' if len(looks) == 1 else 'tell'} {whom(c)}", _measure(looks[:3], c), looks[0].name, looks))
    colour = found.get("colour")
    if colour is not None and not two and is_writing(list(dev.classes)) and _tells(colour, colour.best) and not any(f.id == "fact-tells-class:colour" for f in out):
        sure = [c for c in range(len(dev.classes)) if _tells(colour, c)]
        out.append(told(colour.best, f"Colour alone tells {len(sure)} of {len(dev.classes)} classes", f"{_measure([colour], colour.best)} Writing has the same meaning in any colour.", "colour", [colour]))
    return out


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _measure(signals: Sequence[Signal], c: int) -> str:
    """Areas under the ROC curve in words."""
    shown = ", ".join(f"{WORDS.get(s.name, s.name)} {s.auc[c]:.2f}" for s in signals) if len(signals) > 1 else f"{signals[0].auc[c]:.2f}"
    return f"AUC {shown} by a linear model that sees nothing else (0.5 is guessing, 1 certain)."
