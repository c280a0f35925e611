"""Planted faults, clean twins, simulations and speed; writes `benchmarks/results/evidence-data.md`."""

import argparse
import os
import resource
import time
from pathlib import Path

import numpy as np
import polars as pl
from benchmarks.evidence_data import simulations
from benchmarks.evidence_data.suite import FAULTS, Tally, clean_counts, run_fault, table_of
from planted_bases import Base, bundled, overlaps, real

from phasewise.checks.coding import coded
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "benchmarks" / "results" / "evidence-data.md"


def data_root() -> Path | None:
    """The folder of real tables, or none."""
    found = Path(os.environ.get("PHASEWISE_DATA", ROOT.parent / "shared" / "data"))
    return found if found.is_dir() else None


def planted_lines(seed: int, most: int, names: list[str]) -> list[str]:
    """The table of planted faults and the clean twins."""
    bases = planted_bases()
    ids, loud = clean_counts([*bases, *overlaps()])
    tallies = {}
    for fault in (f for f in FAULTS if not names or f.name in names):
        tallies[fault.name] = run_fault(fault, bases, ids, seed, most)
        print(fault.name, tallies[fault.name].found, tallies[fault.name].tried, flush=True)
    return written(tallies, loud, seed, most)


def planted_bases() -> list[Base]:
    """The clean tables that faults are planted into."""
    root = data_root()
    return bundled() + (real(root) if root else [])


def written(tallies: dict[str, Tally], loud: dict[str, dict[str, list[str]]], seed: int, most: int) -> list[str]:
    """The counts as lines of the file."""
    warns = [len(v["warn"]) for v in loud.values()]
    lines = [
        "## Clean twins", "", f"{len(loud)} clean tables ({', '.join(loud)}); false blocks {sum(len(v['block']) for v in loud.values())}, false warnings {np.mean(warns):.2f} a table, at most {max(warns)}.",
        *[f"{name}: {', '.join(v['block'] + v['warn'])}." for name, v in loud.items() if v["block"] or v["warn"]], "",
        "## Planted faults", "",
        (f"At most {most} random pairs of table and parameter for each fault (seed {seed})." if most else f"Every pair of table and parameter (seed {seed})."),
        "Tables go through a CSV file and have the roles the program proposes; `settled` counts columns that the proposed role reads rightly, so that no finding is needed.", "",
        "| fault | must | found | severities | remedy repairs | missed |", "|---|---|---|---|---|---|",
    ]
    must = [0, 0]
    for fault in (f for f in FAULTS if f.name in tallies):
        t = tallies[fault.name]
        if fault.must:
            must = [must[0] + t.found, must[1] + t.tried]
        said = ", ".join(f"{k} {v}" for k, v in sorted(t.severities.items()))
        repair = f"{t.repaired}/{t.repairable}" if t.repairable else "-"
        lines.append(f"| {fault.name} | {'yes' if fault.must else ''} | {t.found}/{t.tried} | {said} | {repair} | {'; '.join(t.missed)} |")
    return [*lines, "", f"Recall on must-faults: **{must[0] / max(must[1], 1):.3f}** ({must[0]} of {must[1]})."]


def simulation_lines() -> list[str]:
    """Intervals, luck, adoption, noise rule."""
    lines = ["## Intervals, nominal 95 %, 500 rows", "", "| metric | method | coverage |", "|---|---|---|"]
    lines += [f"| {m} | {how} | {100 * c:.1f} % |" for m, how, c in simulations.coverage()]
    lines += [f"| difference of log loss | paired bootstrap | {100 * simulations.difference_coverage():.1f} % |", f"| gain over 5 seeds | paired t | {100 * simulations.seed_interval_coverage():.1f} % |"]
    lines += ["", "## Best of K, in standard errors", "", "| K | estimate | simulated | off |", "|---|---|---|---|"]
    lines += [f"| {k} | {a:.3f} | {b:.3f} | {100 * (a / b - 1):+.1f} % |" for k, a, b in simulations.luck()]
    lines += ["", "## Adoption with five paired seeds, and three more where promising", ""]
    lines += ["| situation | adopted when equal: five seeds | five or eight | mean seeds | adopted at +1 seed sd: five seeds | five or eight | mean seeds |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {n} | {a[0]:.1%} | {c[0]:.1%} | {c[1]:.1f} | {b[0]:.1%} | {d[0]:.1%} | {d[1]:.1f} |" for n, _, (a, b, c, d) in simulations.adoption_rates(2000)]
    lines += ["", "## \"Real gain\" of the two-level bootstrap (1,000 rows, 5 seeds, seed sd 0.4 points)", "", "| true gain | called real |", "|---|---|"]
    return lines + [f"| {g:.0f} points | {100 * r:.1f} % |" for g, r in simulations.two_level_rates()]


def drift_lines() -> list[str]:
    """False and true drift alarms on adult."""
    root = data_root()
    if root is None or not (root / "adult" / "train.csv.gz").is_file():
        return ["## Drift", "", "Not measured: the adult table is not there."]
    frame = pl.read_csv(root / "adult" / "train.csv.gz", null_values=["?"]).drop("income")
    columns, levels = {c: coded(frame[c]) for c in frame.columns}, {c: frame.schema[c] == pl.String for c in frame.columns}
    lines = ["## Drift alarms (adult, reference 10,000 rows, 14 columns)", "", "| situation | column rule | joint rule |", "|---|---|---|"]
    lines += [f"| i.i.d., {n} rows | {100 * a:.1f} % | {100 * b:.1f} % |" for n, a, b in simulations.drift_alarms(columns, levels)]
    for size, shift in ((300, 0.35), (1000, 0.35), (3000, 0.15)):
        a, b = simulations.drift_found(columns, levels, "age", shift, size)
        lines.append(f"| age + {shift} sd, {size} rows | {100 * a:.0f} % | {100 * b:.0f} % |")
    return lines


def speed_lines() -> list[str]:
    """CPU seconds and peak memory of a whole pass."""
    lines = ["## Speed of the whole pass", "", "| table | rows x columns | CPU s | peak MB of the process |", "|---|---|---|---|"]
    root = data_root()
    run_checks(table_of(bundled()[0]))
    for name, file, target, task in (("adult", "adult/train.csv.gz", "income", "binary"), ("hflights", "hflights/hflights.csv.gz", "ArrDelay", "regression")):
        if root and (root / file).is_file():
            frame = pl.read_csv(root / file, infer_schema_length=None, null_values=["NA", ""]).filter(pl.col(target).is_not_null())
            lines.append(_timed(name, frame, target, task))
    rng = np.random.default_rng(0)
    n = 1_000_000
    columns: dict[str, np.ndarray] = {f"n{i}": rng.normal(size=n).astype(np.float32) if i % 4 else rng.integers(0, 1000, n) for i in range(80)}
    columns |= {f"t{k}": np.array([f"level_{k}_{j}" for j in range(5 + 10 * k)])[rng.integers(0, 5 + 10 * k, n)] for k in range(20)}
    target = np.where(columns["n1"] + columns["n2"] + rng.normal(size=n) > 0, "yes", "no")
    frame = pl.DataFrame(columns)
    del columns
    return [*lines, _timed("generated", frame.with_columns(pl.Series("y", target)), "y", "binary")]


def _timed(name: str, frame: pl.DataFrame, target: str, task: str) -> str:
    start = time.process_time()
    run_checks(CheckTable(frame=frame, target=target, task=task))
    used = time.process_time() - start
    return f"| {name} | {frame.height:,} x {frame.width} | {used:.1f} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} |"


def main() -> None:
    """Runs the parts named (default all) and writes the file; parts not run keep their last figures."""
    parts = {"speed": speed_lines, "planted": None, "simulations": simulation_lines, "drift": drift_lines}
    asked = argparse.ArgumentParser(prog="python -m benchmarks.evidence_data")
    asked.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    asked.add_argument("--seed", type=int, default=0, help="seed of the planted faults")
    asked.add_argument("--most", type=int, default=0, help="at most this many tables and parameters of each fault, chosen at random; 0 for all")
    asked.add_argument("--fault", action="append", default=[], help="only this planted fault (several times for several); prints and writes nothing")
    options = asked.parse_args()
    if options.fault:
        print("\n".join(planted_lines(options.seed, options.most, options.fault)))
        return
    folder = OUT.parent / "evidence-data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in parts.items():
        if options.parts and name not in options.parts:
            continue
        lines = planted_lines(options.seed, options.most, options.fault) if make is None else make()
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print("\n".join(lines), flush=True)
    held = [(folder / f"{name}.md").read_text(encoding="utf-8") for name in parts if (folder / f"{name}.md").is_file()]
    OUT.write_text("# Evidence: data checks and statistics\n\nMade by `make evidence-data` (`python -m benchmarks.evidence_data`). The generators are ours: thresholds were fixed by the catalogue, but some rules were corrected while looking at these tables, so these are development figures.\n\n" + "\n".join(held), encoding="utf-8")


if __name__ == "__main__":
    main()
