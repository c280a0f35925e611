"""The autopilot with its default budget on real tables: does tuning improve on the baseline network beyond seed noise? (L08, B07)

`python benchmarks/autopilot.py [SET ...]`. Data lie beside the checkout (PHASEWISE_DATA or ../shared/data). The goal takes a quarter off the error
of the boosted trees in the set's README: a goal that can be thought of but is not met at once, so that the loop works until its budget or its
patience ends it and the diagnosis is one that a person would get. The gain compares the last incumbent with the network the loop set out from over the same
seeds (pairs of seeds, 95 % interval of `stats.paired.seeds`); "improved" needs an idea that was adopted, "none found" is the loop's own word.
The gain is measured on the rows the loop chose on, so it is an upper bound; seconds and load are those of the whole passage.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from phasewise.project.folder import Project
from phasewise.records.metrics import METRICS
from phasewise.stats.paired import seeds as paired_seeds

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("PHASEWISE_DATA") or ROOT.parent / "shared" / "data")
OUT = Path(os.environ.get("PHASEWISE_RESULTS") or ROOT / "benchmarks" / "results") / "autopilot.json"
SETS = {
    "penguins": ("penguins/penguins.csv", "species", "accuracy", 0.9869), "titanic": ("titanic/train.csv", "Survived", "roc_auc", 0.8977),
    "adult": ("adult/train.csv.gz", "income", "roc_auc", 0.9454), "california-housing": ("california-housing/housing.csv", "median_house_value", "rmse", 35759),
    "covertype-15k": ("covertype-15k/covertype.csv.gz", "Cover_Type", "accuracy", 0.889), "telco-churn": ("telco-churn/telco-churn.csv", "Churn", "roc_auc", 0.8756),
    "wine-quality": ("wine-quality/wine.csv", "quality", "rmse", 0.4819),
}
"""Name -> file, target, metric, goal."""
LIMIT = int(os.environ.get("PHASEWISE_LIMIT") or 900)
"""Seconds a set may take; a passage cut off here is said to be. PHASEWISE_KEEP names a folder where the projects stay to be looked at."""


def run(name: str) -> dict[str, Any]:
    """One project from nothing to the end of tune, and what its journal says."""
    file, target, metric, goal = SETS[name]
    kept = os.environ.get("PHASEWISE_KEEP")
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as home:
        folder, base = Path(home) / name, [sys.executable, "-m", "phasewise"]
        began = time.perf_counter()
        subprocess.run([*base, "new", str(folder), "--data", str(DATA / file), "--target", target, "--no-input"], check=True, capture_output=True)
        settings = [f"goals.metric={metric}", f"goals.target={goal}", "baseline.go_on_reason=benchmark of the tune loop", "tune.inspect=false"]
        try:
            done = subprocess.run([*base, "run", "--through", "tune", "--yes", *(x for s in settings for x in ("--set", s))], cwd=folder, capture_output=True, text=True, timeout=LIMIT)
            code, said = done.returncode, done.stderr[-300:]
        except subprocess.TimeoutExpired:
            code, said = -1, f"cut off after {LIMIT} s"
            for line in json.loads(subprocess.run([*base, "runs", "--json"], cwd=folder, capture_output=True, text=True).stdout):
                if line["state"] == "running":
                    subprocess.run([*base, "stop", line["id"], "--now"], cwd=folder, capture_output=True)
            time.sleep(10)
        seconds, load = time.perf_counter() - began, os.getloadavg()[0]
        entries = [{"kind": e.kind, "data": e.data} for e in Project.open(folder, read_only=True).journal.entries()]
    return {"set": name, "metric": metric, "goal": goal, "exit": code, "said": "" if code == 0 else said, "seconds": round(seconds, 1), "load": round(load, 1), **read(metric, entries)}


def read(metric: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Start, end and paired gain out of a journal."""
    rounds = [e["data"] for e in entries if e["kind"] == "evidence" and e["data"]["phase"] in ("train", "tune")]
    fits = [r["result"]["model"] for r in rounds if r["job"] == "fit"]
    baselines = [e["data"]["result"]["models"][0] for e in entries if e["kind"] == "evidence" and e["data"]["job"] == "baselines"]
    tries = [r["result"] for r in rounds if r["job"] == "try_ideas"]
    searches = [r["result"] for r in rounds if r["job"] == "search"]
    judged: list[list[float]] = []
    adopted, end, base, values = [], fits[-1] if fits else None, None, None
    for result in tries:
        base = base or (result["ideas"][0]["base"] if result["ideas"] else None)
        good = [i for i in result["ideas"] if i["verdict"] == "better"]
        if good:
            best = max(good, key=lambda i: (i["gain"], i["id"]))
            adopted.append(best["title"] or best["id"])
            judged.append([best["gain"], best["low"], best["high"]])
            end, values = best["model"], best["values"]
    both = min(len(values or []), len(base or []))  # an idea that got more seeds is compared over those that the start had too
    gain = paired_seeds(values[:both], base[:both], maximize=METRICS[metric].maximize) if both > 1 else None
    return {
        "rows": fits[-1]["validation"]["n"] if fits else None, "baseline": baselines[-1]["validation"] if baselines else None, "baseline_name": baselines[-1]["name"] if baselines else "",
        "start": fits[-1]["validation"] if fits else None, "end": end["validation"] if end else None, "gain": list(gain) if gain else None, "adopted": adopted, "judged": judged,
        "trials": sum(len(r["ideas"]) for r in tries) + sum(len(r["trials"]) for r in searches),
    }


def _score(found: dict[str, Any] | None) -> str:
    return f"{found['value']:.4g} [{found['low']:.4g}, {found['high']:.4g}]" if found else "not reached"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "# Autopilot with the default budget", "",
        "Written by `python benchmarks/autopilot.py`. A machine of 2 cores without a GPU, shared with other work (`load` is its load average at the end).",
        "The goal takes a quarter off the error of the boosted trees in the set's README (`goal`; a dash: an earlier run with a goal out of reach).",
        "Gain: last incumbent minus the network the loop set out from, over the same seeds, in points of the metric (positive = better) with a 95 % interval;",
        "measured on the validation rows the loop chose on, so an upper bound. The loop's own rule is a one-sided 95 % bound with the noise of all ideas of a round",
        "pooled, which is narrower than this interval of five pairs; a promising idea gets three more seeds, with its share of the error spent twice (stats/sequential.py).",
        "Every idea, every continued idea and every search trial counts against the budget.", "",
        "| set | metric | goal | baseline network [95 %] | after the loop [95 %] | gain over seeds [95 %] | verdict | adopted | trials | best baseline | seconds | load |", "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        gain = f"{r['gain'][0]:+.4g} [{r['gain'][1]:+.4g}, {r['gain'][2]:+.4g}]" if r["gain"] else ""
        verdict = "none found" if not r["adopted"] else "improved beyond noise" if r["gain"][1] > 0 else "adopted by the loop's rule, but the plain interval holds 0"
        if r["exit"]:
            verdict = f"{r['said'].replace(chr(10), ' ')[:80]}; {verdict} until then"
        best = f"{r['baseline_name']} {r['baseline']['value']:.4g}" if r["baseline"] else ""
        lines.append(f"| {r['set']} | {r['metric']} | {r.get('goal', '-')} | {_score(r['start'])} | {_score(r['end'])} | {gain} | {verdict} | {', '.join(r['adopted'])} | {r['trials']} | {best} | {r['seconds']} | {r['load']} |")
    lines += [
        "", "`trials` is the default budget at work: where a fit of the default TabM is costly (adult, california-housing, covertype-15k) the phase's allowance of about two quiet minutes",
        "pays for one idea over three seeds, without a second look. A row with no trial met the goal before the loop began.",
    ]
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
