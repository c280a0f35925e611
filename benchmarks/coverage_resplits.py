"""Does the verified score lie where validation said it would? 20 re-splits of two small tables, headless to verify (E01, E04).

`python benchmarks/coverage_resplits.py [SET ...]`. Data lie beside the checkout (PHASEWISE_DATA or ../shared/data). The interval that counts is the one a
person is shown before the look ("expected on the sealed rows: x, with 95 % between a and b"), which the verdict is measured by: it should hold the
verified score in 95 of 100 projects. The validation score's own interval says where the true value lies and holds the noise of the validation rows only;
a smaller test part adds more noise of its own, so that interval holds the verified score less often even when everything is right.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from phasewise.project.folder import Project

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
OUT = Path(os.environ.get("PHASEWISE_RESULTS") or ROOT / "benchmarks" / "results") / "coverage-resplits.json"
SETS = {"penguins": ("penguins/penguins.csv", "species", "accuracy"), "titanic": ("titanic/train.csv", "Survived", "roc_auc")}
SPLITS = 20
Z95 = 1.959963984540054


def once(name: str, seed: int) -> dict[str, Any]:
    """One re-split: the verified score and the validation score of the same candidate."""
    file, target, metric = SETS[name]
    with tempfile.TemporaryDirectory() as home:
        folder, base = Path(home) / name, [sys.executable, "-m", "phasewise"]
        began = time.perf_counter()
        subprocess.run([*base, "new", str(folder), "--data", str(DATA / file), "--target", target, "--no-input"], check=True, capture_output=True)
        settings = [f"data.seed={seed}", f"goals.metric={metric}", "tune.inspect=false", "strengthen.do=false"]
        done = subprocess.run([*base, "run", "--through", "verify", "--yes", *(x for s in settings for x in ("--set", s))], cwd=folder, capture_output=True, text=True, timeout=600)
        entries = [{"kind": e.kind, "data": e.data} for e in Project.open(folder, read_only=True).journal.entries()]
    found = [e["data"]["result"] for e in entries if e["kind"] == "evidence" and e["data"]["job"] == "open_vault"]
    if not found:
        raise RuntimeError(f"{name}, seed {seed}: {done.stderr[-400:]}")
    test, validation = found[-1]["test"], found[-1]["validation"]
    return {"set": name, "seed": seed, "metric": metric, "test": test, "validation": validation, "foreseen": found[-1]["foreseen"], "verdict": found[-1]["verdict"], "seconds": round(time.perf_counter() - began, 1)}


def _se(score: dict[str, Any]) -> float:
    return (score["high"] - score["low"]) / (2 * Z95)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage of one set's re-splits."""
    inside = sum(r["validation"]["low"] <= r["test"]["value"] <= r["validation"]["high"] for r in rows)
    foreseen = sum(r["foreseen"][0] <= r["test"]["value"] <= r["foreseen"][1] for r in rows)
    near = sum(abs(r["test"]["value"] - r["validation"]["value"]) <= Z95 * math.hypot(_se(r["test"]), _se(r["validation"])) for r in rows)
    holds = sum(r["test"]["low"] <= r["validation"]["value"] <= r["test"]["high"] for r in rows)
    v, t = (sum(_se(r[k]) for r in rows) / len(rows) for k in ("validation", "test"))
    expected = math.erf(Z95 * v / math.hypot(v, t) / math.sqrt(2))
    gap = sum(r["test"]["value"] - r["validation"]["value"] for r in rows) / len(rows)
    return {"splits": len(rows), "inside": inside, "expected": expected, "foreseen": foreseen, "near": near, "holds": holds, "gap": gap, "se_validation": v, "se_test": t, "seconds": sum(r["seconds"] for r in rows)}


def table(rows: list[dict[str, Any]]) -> str:
    """Both sets as Markdown."""
    lines = [
        "# Verified score against validation over 20 re-splits", "",
        "Written by `python benchmarks/coverage_resplits.py`. A machine of 2 cores without a GPU, shared with other work. Each re-split is a whole project, headless to verify.",
        "`shown before the look`: the verified score lies in the 95 % interval the person was shown before opening (validation less luck, the noise of both parts; target 90 %).",
        "`gap within both`: the difference of the two scores is inside 1.96 standard errors of the difference; 95 % is right. `test holds validation`: the validation score lies in",
        "the verified score's 95 % interval. `validation's own`: the verified score lies in the validation score's 95 % interval, which is not the interval for a score of other rows;",
        "`by theory` is what that share is when validation is unbiased, from the two standard errors.", "",
        "| set | metric | splits | shown before the look | gap within both | test holds validation | validation's own | by theory | mean gap | se validation | se test | seconds |", "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in SETS:
        own = [r for r in rows if r["set"] == name]
        if own:
            s = summary(own)
            n = s["splits"]
            lines.append(f"| {name} | {own[0]['metric']} | {n} | {s['foreseen'] / n:.0%} | {s['near'] / n:.0%} | {s['holds'] / n:.0%} | {s['inside'] / n:.0%} | {s['expected']:.0%} | {s['gap']:+.4f} | {s['se_validation']:.4f} | {s['se_test']:.4f} | {s['seconds']:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the named sets (both by default); `SET:FROM-TO` runs some seeds only; results of earlier runs are kept."""
    held = {(r["set"], r["seed"]): r for r in json.loads(OUT.read_text()) if "foreseen" in r} if OUT.is_file() else {}
    for asked in sys.argv[1:] or SETS:
        name, _, span = asked.partition(":")
        first, last = (int(v) for v in span.split("-")) if span else (0, SPLITS - 1)
        for seed in range(first, last + 1):
            held[name, seed] = once(name, seed)
            print(name, seed, held[name, seed]["validation"]["value"], held[name, seed]["test"]["value"], held[name, seed]["seconds"], flush=True)
            rows = [held[k] for k in sorted(held)]
            OUT.write_text(json.dumps(rows, indent=1) + "\n")
            OUT.with_suffix(".md").write_text(table(rows))


if __name__ == "__main__":
    main()
