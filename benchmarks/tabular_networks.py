"""Default tabular networks on real sets, beside boosted trees, on the splits their READMEs measure on.

    python benchmarks/tabular_networks.py [SET ...] [--family tabm] [--folds 5] [--seeds 1] [--find]

The test part of each split is never used for choices: 15 % of the training part is held out for early stopping (the trees get it back:
scikit-learn's histogram boosting at its defaults is fitted on the whole training part, as in the READMEs).
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
import torch

from phasewise.engine import Member, find_lr, fit
from phasewise.engine.suggest import suggest
from phasewise.kinds.tabular import batches, networks, preparing, reading
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.recipe import RECIPE
from phasewise.records.jobs import DataView
from phasewise.stats.scores import score

ROOT = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SETS = {
    "adult": ("income", "binary", "accuracy", ">=", 0.868), "california-housing": ("median_house_value", "regression", "rmse", "<=", 46_000),
    "covertype-15k": ("Cover_Type", "multiclass", "accuracy", ">=", 0.86), "telco-churn": ("Churn", "binary", "roc_auc", ">=", 0.843),
}


def table(name):
    """The whole set as one frame and, for adult, the number of training rows."""
    if name == "adult":
        parts = [pl.read_csv(ROOT / "adult" / f, null_values=["?"]) for f in ("train.csv.gz", "test.csv")]
        return pl.concat(parts, how="vertical_relaxed"), len(parts[0])
    file = {"california-housing": "housing.csv", "covertype-15k": "covertype.csv.gz", "telco-churn": "telco-churn.csv"}[name]
    frame = pl.read_csv(ROOT / name / file, null_values=[" "] if name == "telco-churn" else None)
    return frame.drop([c for c in ("Id", "customerID") if c in frame.columns]), 0


def splits(frame, target, task, first, folds):
    """(train, test) row numbers of the README's protocol."""
    from sklearn.model_selection import KFold, StratifiedKFold

    n = len(frame)
    if first:
        return [(np.arange(first), np.arange(first, n))]
    kind = KFold if task == "regression" else StratifiedKFold
    return list(kind(5, shuffle=True, random_state=0).split(np.zeros(n), frame[target].to_numpy()))[:folds]


def trees(frame, target, task, train, test, metric):
    """scikit-learn's histogram boosting at its defaults, native categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import accuracy_score, roc_auc_score, root_mean_squared_error

    x = np.column_stack([
        (s.cast(pl.Float64) if s.dtype.is_numeric() else s.cast(pl.Categorical).to_physical().cast(pl.Float64)).to_numpy() for s in frame.drop(target)
    ])
    flags = [not s.dtype.is_numeric() for s in frame.drop(target)]
    y = frame[target].to_numpy()
    model = (HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier)(categorical_features=flags, random_state=0)
    began = time.perf_counter()
    model.fit(x[train], y[train])
    seconds = time.perf_counter() - began
    if metric == "roc_auc":
        return roc_auc_score(y[test] == model.classes_[1], model.predict_proba(x[test])[:, 1]), seconds
    guess = model.predict(x[test])
    return (accuracy_score(y[test], guess) if metric == "accuracy" else root_mean_squared_error(y[test], guess)), seconds


def network(frame, target, task, metric, train, test, family, seeds, find, number):
    """Default configuration of a family: mean score over seeds, score of their average, seconds of training, learning rate used."""
    order = np.random.default_rng(number).permutation(train)
    held, kept = np.sort(order[: int(0.15 * len(train))]), np.sort(order[int(0.15 * len(train)) :])
    raw = frame[target].to_numpy()
    classes = () if task == "regression" else tuple(str(c) for c in sorted(set(raw.tolist())))
    y = raw.astype(float) if task == "regression" else np.searchsorted(np.array(sorted(set(raw.tolist()))), raw)
    roles = {c: "number" if frame[c].dtype.is_numeric() else "category" for c in frame.columns if c != target}
    whole = frame.with_row_index(reading.ROW)
    dev = Development(table=whole, y=y, train=kept, validation=held, task=task, classes=classes, roles=roles, target=target)
    view = DataView(kind="tabular", file="", target=target, task=task, metric=metric)
    prepared = preparing.fit(dev, kept, view, {})
    data = batches.dataset(dev, prepared)
    info = batches.info(prepared, data, kept)
    config, chosen = RECIPE.config(family, len(kept)), {}
    rows = torch.from_numpy(kept)
    if find:
        chosen = suggest(find_lr(config, data, info, networks.build, rows=rows, sweeps=3))
        if chosen["phasewise"]:
            config = config.model_copy(update={"train": config.train.model_copy(update={"lr": chosen["phasewise"]})})
    members = [Member(id=f"s{s}", config=config, seed=s, train=rows, validation=torch.from_numpy(held)) for s in range(seeds)]
    began = time.perf_counter()
    result = fit(members, data, info, networks.build, objective="loss", watch=True)
    seconds = time.perf_counter() - began
    outs = []
    for member in result.members:
        net = networks.build(config.network, info)
        net.load_state_dict(member.state)
        net.eval()
        with torch.no_grad():
            parts = [net({n: x[torch.from_numpy(p)] for n, x in data.inputs.items()}) for p in np.array_split(test, max(1, len(test) // 2048))]
        outs.append(torch.cat(parts))
    values = [float(score(metric, y[test], batches.predictions(o, prepared))) for o in outs]
    together = float(score(metric, y[test], batches.predictions(torch.stack(outs, 1), prepared)))
    return float(np.mean(values)), together, seconds / seeds, config.train.lr, max(m.best_epoch for m in result.members), config.train.epochs


def main():
    """Prints one line per set and fold, and the table of means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--family", default="")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--start", type=int, default=0, help="first fold")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--find", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, seeds {asked.seeds}, learning rate {'from the finder' if asked.find else 'of the recipe'}")
    lines = []
    for name in asked.sets:
        target, task, metric, sign, goal = SETS[name]
        frame, first = table(name)
        found = []
        for number, (train, test) in list(enumerate(splits(frame, target, task, first, asked.folds)))[asked.start :]:
            family = asked.family or RECIPE.recommended_family(task, len(train))[0]
            net = network(frame, target, task, metric, train, test, family, asked.seeds, asked.find, number)
            tree = trees(frame, target, task, train, test, metric)
            found.append((*net[:3], *tree))
            print(f"  {name} fold {number}: {family} {net[0]:.4f} (together {net[1]:.4f}) {net[2]:.0f} s, lr {net[3]:.3g}, epoch {net[4]} of {net[5]}; trees {tree[0]:.4f} {tree[1]:.0f} s", flush=True)
        mean = np.mean(found, axis=0)
        reached = mean[0] >= goal if sign == ">=" else mean[0] <= goal
        ahead = "network" if (mean[0] > mean[3]) == (sign == ">=") else "trees"
        lines.append(f"| {name} | {metric} | {family} | {mean[0]:.4f} | {mean[1]:.4f} | {mean[3]:.4f} | {ahead} | {sign} {goal} | {'reached' if reached else 'missed'} | {mean[2]:.0f} |")
    print("| set | metric | family | network | seeds together | trees | ahead | goal | | s a fit |\n|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
