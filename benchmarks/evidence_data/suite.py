"""Runs planted faults and clean twins and counts.

Every table is written to a CSV file and read again by the program's own reader, and every column has the role that the
program proposes: what is judged is what a user meets, not a table prepared for the checks.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from planted import FAULTS, Fault, Planted
from planted_bases import Base

from phasewise.checks import remedies
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.reading import ROW, effective_roles, read_raw
from phasewise.records.jobs import DataView
from phasewise.records.results.data import ChecksResult


@dataclass(kw_only=True)
class Tally:
    """Counts of one fault kind."""

    tried: int = 0
    found: int = 0
    severities: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    repairable: int = 0
    unrepaired: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


SETTLED = "settled"
"""In place of a severity: the proposed role reads the column rightly, so that no finding is needed."""


def read_again(frame: pl.DataFrame) -> pl.DataFrame:
    """The natural table of a frame that went through a CSV file, without the row number."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        frame.write_csv(file)
        return read_raw(DataView(kind="tabular", file=str(file))).frame.drop(ROW)


def table_of(base: Base, planted: Planted | None = None, *, natural: pl.DataFrame | None = None) -> CheckTable:
    """The table to check as the program reads it; the clean twin without a planted fault."""
    options = dict(planted.options) if planted else {}
    train, validation = options.pop("train", None), options.pop("validation", None)
    frame = read_again(planted.frame if planted else base.frame) if natural is None else natural
    roles = effective_roles(frame, DataView(kind="tabular", file="table.csv", target=base.target))
    dated = casting.cast_roles(frame, {c: r for c, r in roles.items() if r == "date"})
    return CheckTable(frame=dated, target=base.target, task=base.task, roles=roles, train=train, validation=validation, options={"folds": 5, **options})


def settled(table: CheckTable, planted: Planted) -> bool:
    """Whether numbers or dates written as text have the role that reads them."""
    role = planted.column and table.roles.get(planted.column)
    return bool("numbers-as-text" in planted.checks and (role == "number") or "dates-as-text" in planted.checks and role == "date")


def found(result: ChecksResult, planted: Planted, clean: set[str], before: list[str]) -> str:
    """Severity of the finding that names the fault and was not there on the clean twin; empty when missed."""
    for f in result.findings:
        here = planted.column is None or planted.column in f.columns
        fresh = f.id not in clean or f.severity in ("warn", "block") or (planted.column is not None and planted.column not in before)
        if f.check in planted.checks and here and fresh:
            return f.severity
        if any(s.split(":")[0] in planted.checks and (planted.column is None or s.endswith(planted.column)) for s in f.swallowed):
            return f.severity
    return ""


def cases(bases: list[Base], fault: Fault, seed: int, most: int = 0) -> Iterator[tuple[Base, object, Planted]]:
    """Every base and parameter the fault can be planted with; with `most` a random choice of that many of them."""
    places = [(b, p) for b in range(len(bases)) for p in range(len(fault.parameters))]
    order = np.random.default_rng([seed, len(fault.name)]).permutation(len(places)) if most else np.arange(len(places))
    given = 0
    for b, p in (places[i] for i in order):
        if most and given >= most:
            return
        made = fault.make(bases[b], np.random.default_rng([seed, b, p]), fault.parameters[p])
        if made is not None:
            given += 1
            yield bases[b], fault.parameters[p], made


def run_fault(fault: Fault, bases: list[Base], clean: dict[str, set[str]], seed: int = 0, most: int = 0) -> Tally:
    """One fault kind over all bases and parameters (or `most` of them)."""
    tally = Tally()
    for base, parameter, made in cases(bases, fault, seed, most):
        natural = read_again(made.frame)
        if base.target not in natural.columns:  # the reader found that the first line is no header, says so, and asks for the target anew
            tally.found += "parse-faults" in made.checks
            tally.severities[SETTLED] = tally.severities.get(SETTLED, 0) + 1
            tally.tried += 1
            continue
        table = table_of(base, made, natural=natural)
        result = run_checks(table)
        severity = found(result, made, clean[base.name], base.frame.columns) or (SETTLED if settled(table, made) else "")
        tally.tried += 1
        if not severity:
            tally.missed.append(f"{base.name} {parameter}")
            continue
        tally.found += 1
        tally.severities[severity] = tally.severities.get(severity, 0) + 1
        if made.fixable and severity != SETTLED:
            tally.repairable += 1
            fixed = repaired(base, made, result, table.frame)
            tally.repaired += fixed
            if not fixed:
                tally.unrepaired.append(f"{base.name} {parameter}")
    return tally


def repaired(base: Base, made: Planted, result: ChecksResult, frame: pl.DataFrame) -> bool:
    """Whether the recommended remedy takes the finding away and leaves every other column as it was."""
    named = next((f for f in result.findings if f.check in made.checks and (made.column is None or made.column in f.columns)), None)
    if named is None:  # a cause swallowed it: its remedy is judged where it is named itself
        return True
    chosen = named.recommended()
    if chosen is None:
        return False
    after = remedies.apply(frame, {named.id: chosen.spelled}, base.target)
    others = [c for c in frame.columns if c not in named.columns]
    if after.height != frame.height or not after.select(others).equals(frame.select(others)):
        return False
    again = run_checks(table_of(base, natural=after), only=list(made.checks))
    return all(f.id != named.id or f.severity == "info" for f in again.findings)


def clean_counts(bases: list[Base]) -> tuple[dict[str, set[str]], dict[str, dict[str, list[str]]]]:
    """Finding ids on each clean base, and its blocks and warnings."""
    ids, loud = {}, {}
    for base in bases:
        result = run_checks(table_of(base))
        ids[base.name] = {f.id for f in result.findings}
        loud[base.name] = {s: [f.id for f in result.findings if f.severity == s] for s in ("block", "warn")}
        failed = [c.check for c in result.coverage if c.state == "failed"]
        if failed:
            raise AssertionError(f"{base.name}: checks failed: {failed}")
    return ids, loud


__all__ = ["FAULTS", "Tally", "clean_counts", "run_fault", "table_of"]
