"""Default answers on real tables, headless to `verify`: score, yardsticks, seconds, memory. `python benchmarks/tables.py [SET ...]`.

Data sets lie beside the checkout (PHASEWISE_DATA or ../shared/data). Yardsticks are those of the sets' own READMEs:
linear and histogram gradient boosting of scikit-learn with default settings on the README's split (not ours).
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
OUT = ROOT / "benchmarks" / "results" / "tables.json"
SETS = {
    "penguins": ("penguins/penguins.csv", "species", "accuracy", 0.9913, 0.9826),
    "titanic": ("titanic/train.csv", "Survived", "roc_auc", 0.8496, 0.8636),
    "adult": ("adult/train.csv.gz", "income", "roc_auc", 0.9055, 0.9272),
    "california-housing": ("california-housing/housing.csv", "median_house_value", "rmse", 68860.0, 47679.0),
    "covertype-15k": ("covertype-15k/covertype.csv.gz", "Cover_Type", "accuracy", 0.7048, 0.8522),
    "telco-churn": ("telco-churn/telco-churn.csv", "Churn", "roc_auc", 0.8454, 0.8341),
    "wine-quality": ("wine-quality/wine.csv", "quality", "rmse", 0.7341, 0.6425),
}


def run(name: str) -> dict:
    """One project from nothing to `verify`, as a user would run it."""
    file, target, metric, linear, trees = SETS[name]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / name
        base = [sys.executable, "-m", "phasewise"]
        began = time.perf_counter()
        subprocess.run([*base, "new", str(folder), "--data", str(DATA / file), "--target", target, "--no-input"], check=True, capture_output=True)
        done = subprocess.run([*base, "run", "--through", "verify", "--yes"], cwd=folder, capture_output=True, text=True, timeout=1800)
        seconds = time.perf_counter() - began
        told = json.loads(subprocess.run([*base, "status", "--json"], cwd=folder, capture_output=True, text=True, check=True).stdout)
    test = told["test"] or {}
    return {
        "set": name, "exit": done.returncode, "metric": test.get("metric", metric), "verified": test.get("value"), "low": test.get("low"), "high": test.get("high"),
        "linear": linear, "trees": trees, "need": (told["need_deep_learning"] or {}).get("verdict"), "candidate": (told["candidate"] or {}).get("run", ""),
        "seconds": round(seconds, 1), "memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(), "python": platform.python_version(),
    }


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        "# Default answers on real tables, headless to verify", "",
        "Written by `python benchmarks/tables.py`. A 2-core machine without a GPU; `load` is the machine's own load average at the end of the run",
        "(above 1 means that other work shared it, so seconds are upper bounds). Yardsticks are the READMEs' (their splits, not ours).", "",
        "| set | metric | verified [95 %] | README linear | README HGB | network needed | seconds | load | peak MB | exit |", "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        value = f"{r['verified']:.4g} [{r['low']:.4g}, {r['high']:.4g}]" if r["verified"] is not None else "not reached"
        lines.append(f"| {r['set']} | {r['metric']} | {value} | {r['linear']:g} | {r['trees']:g} | {r['need']} | {r['seconds']} | {r['load']} | {r['memory_mb']} | {r['exit']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the named sets (all by default); results of earlier runs are kept."""
    held = {r["set"]: r for r in json.loads(OUT.read_text())} if OUT.is_file() else {}
    for name in sys.argv[1:] or SETS:
        held[name] = run(name)
        print(held[name], flush=True)
        rows = [held[n] for n in SETS if n in held]
        OUT.write_text(json.dumps(rows, indent=1) + "\n")
        OUT.with_suffix(".md").write_text(table(rows))


if __name__ == "__main__":
    main()
