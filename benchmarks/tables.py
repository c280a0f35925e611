"""Default answers on real tables, headless to `verify`: score, yardsticks, seconds, memory. `python benchmarks/tables.py [SET ...]`.

Data sets lie beside the checkout (PHASEWISE_DATA or ../shared/data). Yardsticks are those of the sets' own READMEs:
linear and histogram gradient boosting of scikit-learn with default settings on the README's split (not ours). The same two,
fitted here on the project's development rows and scored on its sealed rows, say what the split itself is worth (copies kept
together make wine-quality harder than a random split).
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

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, roc_auc_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

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


def same_parts(folder: Path, file: Path, target: str, metric: str) -> dict[str, float]:
    """Linear model and gradient boosting with default settings, from train + validation rows to the sealed rows of the project."""
    rows = np.load(folder / "splits" / "rows.npz")["rows"]
    table = pl.read_csv(file, infer_schema_length=None, null_values=["", "NA", "?", " "])
    table = table.drop([c for c in table.columns if c.lower() in {"id", "passengerid", "customerid"}])
    known = table[target].is_not_null().to_numpy()
    y = table[target].to_numpy()
    inputs = table.drop(target)
    words = [c for c in inputs.columns if inputs[c].dtype == pl.String]
    numbers = [c for c in inputs.columns if c not in words]
    columns = {c: inputs[c].to_numpy().astype(float) for c in numbers} | {c: inputs[c].fill_null("missing").to_numpy() for c in words}
    matrix = np.empty((len(y), len(columns)), dtype=object)
    for k, name in enumerate([*numbers, *words]):
        matrix[:, k] = columns[name]
    n, w = list(range(len(numbers))), list(range(len(numbers), len(columns)))
    inside = np.zeros(len(y), bool)
    inside[rows] = True
    train, test = inside & known, ~inside & known
    regression = metric == "rmse"
    scaled = [("n", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), n), ("w", OneHotEncoder(handle_unknown="ignore"), w)]
    coded = [("n", "passthrough", n), ("w", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), w)]
    out = {}
    for key, parts, model in (("linear", scaled, Ridge() if regression else LogisticRegression(max_iter=2000)), ("trees", coded, HistGradientBoostingRegressor(random_state=0) if regression else HistGradientBoostingClassifier(random_state=0))):
        fitted = make_pipeline(ColumnTransformer(parts, sparse_threshold=0), model).fit(matrix[train], y[train])
        if metric == "roc_auc":
            out[key] = roc_auc_score(y[test] == fitted.classes_[1], fitted.predict_proba(matrix[test])[:, 1])
        else:
            said = fitted.predict(matrix[test])
            out[key] = root_mean_squared_error(y[test], said) if regression else accuracy_score(y[test], said)
    return {f"same_{k}": float(v) for k, v in out.items()}


def run(name: str) -> dict:
    """One project from nothing to `verify`, as a user would run it."""
    file, target, metric, linear, trees = SETS[name]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / name
        base = [sys.executable, "-m", "phasewise"]
        began = time.perf_counter()
        subprocess.run([*base, "new", str(folder), "--data", str(DATA / file), "--target", target, "--no-input"], check=True, capture_output=True)
        done = subprocess.run([*base, "run", "--through", "verify", "--yes"], cwd=folder, capture_output=True, text=True, timeout=1800)
        seconds, load = time.perf_counter() - began, os.getloadavg()[0]
        again = same_parts(folder, DATA / file, target, metric)
        told = json.loads(subprocess.run([*base, "status", "--json"], cwd=folder, capture_output=True, text=True, check=True).stdout)
    test = told["test"] or {}
    return {
        "set": name, "exit": done.returncode, "metric": test.get("metric", metric), "verified": test.get("value"), "low": test.get("low"), "high": test.get("high"),
        "linear": linear, "trees": trees, "need": (told["need_deep_learning"] or {}).get("verdict"), "candidate": (told["candidate"] or {}).get("run", ""),
        "seconds": round(seconds, 1), "memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "load": round(load, 1), **again, "cores": os.cpu_count(), "python": platform.python_version(),
    }


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        "# Default answers on real tables, headless to verify", "",
        "Written by `python benchmarks/tables.py`. A 2-core machine without a GPU; `load` is the machine's own load average at the end of the run",
        "(above 1 means that other work shared it, so seconds are upper bounds). README yardsticks stand on other splits than ours;",
        "`same rows`: the same two models of scikit-learn with default settings, fitted on our train + validation rows and scored on our sealed rows.", "",
        "| set | metric | verified [95 %] | README linear | README HGB | linear, same rows | HGB, same rows | network needed | seconds | load | peak MB | exit |", "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        value = f"{r['verified']:.4g} [{r['low']:.4g}, {r['high']:.4g}]" if r["verified"] is not None else "not reached"
        lines.append(f"| {r['set']} | {r['metric']} | {value} | {r['linear']:g} | {r['trees']:g} | {r['same_linear']:.4g} | {r['same_trees']:.4g} | {r['need']} | {r['seconds']} | {r['load']} | {r['memory_mb']} | {r['exit']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the named sets (all by default); results of earlier runs are kept."""
    held = {r["set"]: r for r in json.loads(OUT.read_text()) if "same_trees" in r} if OUT.is_file() else {}
    for name in sys.argv[1:] or SETS:
        held[name] = run(name)
        print(held[name], flush=True)
        rows = [held[n] for n in SETS if n in held]
        OUT.write_text(json.dumps(rows, indent=1) + "\n")
        OUT.with_suffix(".md").write_text(table(rows))


if __name__ == "__main__":
    main()
