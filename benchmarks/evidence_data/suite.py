"""Runs planted faults and clean twins and counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from planted import FAULTS, Fault, Planted
from planted_bases import Base

from phasewise.checks import remedies
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.records.results.data import ChecksResult


@dataclass(kw_only=True)
class Tally:
    """Counts of one fault kind."""

    tried: int = 0
    found: int = 0
    severities: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    repairable: int = 0
    missed: list[str] = field(default_factory=list)


def table_of(base: Base, planted: Planted | None = None) -> CheckTable:
    """The table to check; the clean twin without a planted fault."""
    options = dict(planted.options) if planted else {}
    train, validation = options.pop("train", None), options.pop("validation", None)
    frame = planted.frame if planted else base.frame
    return CheckTable(frame=frame, target=base.target, task=base.task, train=train, validation=validation, options={"folds": 5, **options})


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
        result = run_checks(table_of(base, made))
        severity = found(result, made, clean[base.name], base.frame.columns)
        tally.tried += 1
        if not severity:
            tally.missed.append(f"{base.name} {parameter}")
            continue
        tally.found += 1
        tally.severities[severity] = tally.severities.get(severity, 0) + 1
        if made.fixable:
            tally.repairable += 1
            tally.repaired += repaired(base, made, result)
    return tally


def repaired(base: Base, made: Planted, result: ChecksResult) -> bool:
    """Whether the recommended remedy takes the finding away and leaves every other column as it was."""
    named = next(f for f in result.findings if f.check in made.checks and (made.column is None or made.column in f.columns))
    chosen = named.recommended()
    if chosen is None:
        return False
    after = remedies.apply(made.frame, {named.id: chosen.spelled}, base.target)
    others = [c for c in made.frame.columns if c not in named.columns]
    if after.height != made.frame.height or not after.select(others).equals(made.frame.select(others)):
        return False
    again = run_checks(CheckTable(frame=after, target=base.target, task=base.task, options={"folds": 5, **made.options}), only=list(made.checks))
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
