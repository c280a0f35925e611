"""Successive halving inside a population (Jamieson & Talwalkar 1502.07943): whole groups are kept or dropped."""

import math
from collections.abc import Mapping, Sequence

from phasewise.engine.member import Halving

LEAST = 12
"""Trials from which on a search is worth cutting into generations."""


def even(members: int, epochs: int, *, eta: int = 3, least: int = 1, group: Mapping[str, str] | None = None) -> Halving:
    """Rungs at epochs/eta^i keeping members/eta^i; `members` counts groups."""
    levels = max(0, int(math.log(members / least, eta) + 1e-9))
    rungs, keep = [], []
    for i in range(levels, 0, -1):
        at = round(epochs / eta**i)
        if at >= 1 and (not rungs or at > rungs[-1]):
            rungs.append(at)
            keep.append(max(least, round(members / eta ** len(rungs))))
    return Halving(rungs=tuple(rungs), keep=tuple(keep), group=dict(group or {}))


def share(halving: Halving | None, members: Sequence[str], epochs: int) -> float:
    """The part of all members' epochs that is trained when some are dropped on the way; 1 without halving."""
    if halving is None or not epochs:
        return 1.0
    first = len({halving.group.get(m, m) for m in members})
    ends, alive = [*(min(r, epochs) for r in halving.rungs), epochs], [first, *(min(first, k) for k in halving.keep)]
    return sum(n * max(0, b - a) for n, a, b in zip(alive, [0, *ends], ends, strict=False)) / (first * epochs)


def survivors(values: Mapping[str, float], halving: Halving, epochs_done: int) -> set[str]:
    """Ids that go on after an epoch; `values` maps living members to their signed objective (smaller is better).

    A group is judged by the mean of its living members; a group with a member that is not finite is judged worst.
    """
    if epochs_done not in halving.rungs:
        return set(values)
    groups: dict[str, list[str]] = {}
    for member in values:
        groups.setdefault(halving.group.get(member, member), []).append(member)
    score = {g: sum(values[m] for m in ids) / len(ids) for g, ids in groups.items()}
    ranked = sorted(groups, key=lambda g: (not math.isfinite(score[g]), score[g]))
    kept = ranked[: halving.keep[halving.rungs.index(epochs_done)]]
    return {m for g in kept for m in groups[g]}


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's correlation between the objectives at two rungs, so that a person sees whether early ranks can be trusted."""
    n = len(a)
    if n < 3:
        return None
    ra, rb = ([sorted(range(n), key=x.__getitem__).index(i) for i in range(n)] for x in (a, b))
    mean = (n - 1) / 2
    top = sum((x - mean) * (y - mean) for x, y in zip(ra, rb, strict=True))
    return top / sum((x - mean) ** 2 for x in ra)


def generations(trials: int) -> list[int]:
    """How many trials go together: below `LEAST` all at once, else two to four equal parts."""
    parts = 1 if trials < LEAST else 2 if trials < 2 * LEAST else min(max(trials // 16, 3), 4)
    return [trials // parts + (i < trials % parts) for i in range(parts)]


def marks(epochs: int) -> tuple[int, ...]:
    """The two epochs at which generations are judged before the end: a ninth and three fifths of all; none below three epochs."""
    return (max(1, round(epochs / 9)), round(0.6 * epochs)) if epochs >= 3 else ()


def opening(members: int, epochs: int, *, group: Mapping[str, str] | None = None) -> Halving:
    """The first generation's: 45 % see the second mark, 30 % the end, so that it is known how early ranks change; `members` counts groups."""
    at = marks(epochs)
    return Halving(rungs=at, keep=tuple(max(1, round(share * members)) for share in (0.45, 0.3)[: len(at)]), group=dict(group or {}))


def following(members: int, epochs: int, *, group: Mapping[str, str] | None = None) -> Halving:
    """A later generation's: 45 % go on from the first mark, all of them to the end, because early ranks say little about trials that are alike."""
    at = marks(epochs)[:1]
    return Halving(rungs=at, keep=tuple(max(1, round(0.45 * members)) for _ in at), group=dict(group or {}))


def ranked(reached: Sequence[Sequence[float]]) -> list[int]:
    """Numbers of trials, best first, from what each reached rung after rung (smaller is better; shorter where it was dropped, nan where it broke down).

    All are ordered by their first value; those that went on are put in order by their next among the places they hold, so that a trial
    dropped among better ones keeps its due.
    """
    def worth(i: int, rung: int) -> tuple[bool, float]:
        value = reached[i][rung]
        return not math.isfinite(value), value if math.isfinite(value) else 0.0

    order = sorted((i for i in range(len(reached)) if reached[i]), key=lambda i: worth(i, 0))
    for rung in range(1, max(map(len, reached), default=0)):
        places = [p for p, i in enumerate(order) if len(reached[i]) > rung]
        again = sorted((order[p] for p in places), key=lambda i: worth(i, rung))
        for place, i in zip(places, again, strict=True):
            order[place] = i
    return order + [i for i in range(len(reached)) if not reached[i]]
