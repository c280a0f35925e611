"""What a model is called on a page: `0007-fit/model` is `tabm, run 7`; the reference itself stays in details, flags and exports."""

from typing import Any

from phasewise.records.results.common import ModelResult

SLOTS = ("baselines", "fit", "ladder", "try_ideas", "search", "prune", "combine")
PLAIN = ("model", "incumbent", "best", "")
"""Names that say nothing: the family says more."""


def called(desk: Any, ref: str) -> str:
    """A model's name for people; one that no result tells of is named by its run and its folder."""
    run, _, folder = str(ref).partition("/")
    number = run.split("-")[0]
    where = f"run {int(number)}" if number.isdigit() else run
    found = known(desk).get(str(ref))
    if found is None:
        return f"{folder}, {where}" if folder else where
    name = found.family if found.name in PLAIN else found.name
    return f"{name} (baseline)" if found.source == "baseline" else f"{name}, {where}"


def known(desk: Any) -> dict[str, ModelResult]:
    """All models that the project's results tell of, by reference."""
    out: dict[str, ModelResult] = {}
    for slot in SLOTS:
        result = desk.result(slot)
        for value in vars(result).values() if result is not None else ():
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, ModelResult):
                    out.setdefault(one.ref, one)
    return out
