"""Checks are functions with an id; this runs them, folds consequences into causes and says what could not run."""

import importlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from phasewise.checks import folding, texts
from phasewise.checks.table import CheckTable, Skip
from phasewise.records.findings import SEVERITY_ORDER, CheckRun, Finding
from phasewise.records.results.data import ChecksResult
from phasewise.records.text import safe_text

Cost = Literal["free", "pass", "pairs", "model", "slow"]
Subject = Literal["table", "evaluation", "newdata", "summary"]

FAMILIES: tuple[str, ...] = (
    "general", "columns", "types", "written", "values", "plausible", "text_levels", "duplicates", "relations", "leaks", "formulas", "text_leaks", "labels", "noise_slices", "time_checks", "calendar_parts", "neighbours",
    "shapes", "summary",
)
"""Modules with checks of a table, in reading order."""
SUBJECT_FAMILIES: dict[str, tuple[str, ...]] = {"evaluation": ("evaluation",), "newdata": ("newdata",)}
COST_ORDER: dict[str, int] = {"free": 0, "pass": 1, "pairs": 2, "model": 3, "slow": 4}


@dataclass(frozen=True, kw_only=True)
class Info:
    """What is known of a check: its stable id, catalogue row, cost class and what it runs on."""

    id: str
    source: str
    cost: Cost
    on: Subject
    tasks: tuple[str, ...]
    rows: int | None
    """The most rows it looks at; None means all."""
    function: Callable[..., Iterable[Finding]]


def check(check_id: str, *, source: str, cost: Cost = "pass", on: Subject = "table", tasks: Sequence[str] = (), rows: int | None = None):
    """Marks a function as a check: `function(subject) -> findings`, raising `Skip` when it cannot run."""

    def mark(function: Callable[..., Iterable[Finding]]) -> Callable[..., Iterable[Finding]]:
        function.check = Info(id=check_id, source=source, cost=cost, on=on, tasks=tuple(tasks), rows=rows, function=function)  # type: ignore[attr-defined]
        return function

    return mark


def all_checks(on: Subject | None = None) -> list[Info]:
    """Every check, or those of one subject, in the order of their families."""
    names = [*FAMILIES, *(f for family in SUBJECT_FAMILIES.values() for f in family)]
    found = []
    for name in names:
        module = importlib.import_module(f"phasewise.checks.{name}")
        found += [f.check for f in vars(module).values() if callable(f) and hasattr(f, "check") and f.__module__ == module.__name__]
    return [c for c in found if on is None or c.on == on]


def run_one(info: Info, *arguments: Any, task: str = "", total: int = 0) -> tuple[list[Finding], CheckRun]:
    """One check with its coverage line; a crash becomes a `failed` line, never an exception."""
    start = time.perf_counter()
    looked = total if info.rows is None else min(total, info.rows)
    if info.tasks and task and task not in info.tasks:
        return [], CheckRun(check=info.id, state="skipped", why=f"not for a {task} task", of_rows=total)
    try:
        found = [texts.dressed(f, info.source) for f in info.function(*arguments)]
    except Skip as reason:
        return [], CheckRun(check=info.id, state="skipped", why=str(reason), of_rows=total)
    except Exception as error:  # noqa: BLE001 - a check must never take the whole pass down
        why = safe_text(f"{type(error).__name__}: {error}", 300)
        return [], CheckRun(check=info.id, state="failed", why=why, of_rows=total, seconds=time.perf_counter() - start)
    return found, CheckRun(check=info.id, state="ran", rows=looked, of_rows=total, seconds=round(time.perf_counter() - start, 4))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first: by severity, then by harm, then by id."""
    return sorted(findings, key=lambda f: (SEVERITY_ORDER[f.severity], -f.harm, f.id))


def run_checks(
    table: CheckTable, only: Sequence[str] | None = None, progress: Callable[[int, int, str], bool | None] | None = None, *, infos: Sequence[Info] | None = None
) -> ChecksResult:
    """All checks of a table (or the ids in `only`), cheapest class first.

    `progress(done, total, check_id)` is called before each check and cancels the rest by returning False.
    `infos` replaces the checks of tables by those of another kind. Checks of the cost class `slow` run only when named. A finding whose id is in `options["accepted"]` becomes `info`.
    """
    start = time.perf_counter()
    wanted = [c for c in (all_checks("table") if infos is None else infos) if (c.id in only if only else True)]
    wanted.sort(key=lambda c: COST_ORDER[c.cost])
    findings: list[Finding] = []
    coverage: list[CheckRun] = []
    cancelled = False
    for done, info in enumerate(wanted):
        if not cancelled and progress is not None and progress(done, len(wanted), info.id) is False:
            cancelled = True
        if cancelled:
            coverage.append(CheckRun(check=info.id, state="skipped", why="cancelled", of_rows=table.rows))
        elif info.cost == "slow" and not (only and info.id in only):
            coverage.append(CheckRun(check=info.id, state="skipped", why="takes long: runs when it is asked for by name", of_rows=table.rows))
        else:
            found, line = run_one(info, table, task=table.task, total=table.rows)
            findings += found
            coverage.append(line)
    for info in all_checks("summary"):
        if (not only or info.id in only) and not cancelled:
            found, line = run_one(info, table, findings, task=table.task, total=table.rows)
            findings += found
            coverage.append(line)
    accepted = set(table.options.get("accepted", ()))
    findings = [f.model_copy(update={"severity": "info", "seen": f"{f.seen} (accepted)"}) if f.id in accepted else f for f in findings]
    folded = in_order(folding.fold(findings))
    trust, reason = folding.trust(folded, coverage)
    if progress is not None:
        progress(len(wanted), len(wanted), "")
    return ChecksResult(
        findings=folded, coverage=coverage, trust=trust, trust_reason=reason, rows=table.rows,
        rows_looked=max([c.rows for c in coverage] or [0]), seconds=round(time.perf_counter() - start, 3),
    )
