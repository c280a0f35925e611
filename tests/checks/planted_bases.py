"""Clean base tables for planted faults: natural faults known beforehand are repaired, so that precision is measured rightly."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl


@dataclass(frozen=True, kw_only=True)
class Base:
    """A clean table with its target and task."""

    name: str
    frame: pl.DataFrame
    target: str
    task: str


def _bundled(name: str) -> Base:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    columns = [str(c).replace(" (cm)", "").replace(" ", "_") for c in getattr(loaded, "feature_names", range(loaded.data.shape[1]))]
    frame = pl.DataFrame({c: loaded.data[:, i] for i, c in enumerate(columns)})
    regression = name == "diabetes"
    y = loaded.target.astype(float) if regression else [f"class_{t}" for t in loaded.target]
    order = np.random.default_rng(0).permutation(frame.height)
    frame = frame.with_columns(pl.Series("target", y))[order]
    return Base(name=name, frame=_tidy(frame, "target"), target="target", task="regression" if regression else "binary" if name == "breast_cancer" else "multiclass")


def _tidy(frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """Without copies, contradictions and constant columns."""
    inputs = [c for c in frame.columns if c != target]
    frame = frame.filter(pl.col(target).is_not_null()).unique(subset=inputs, keep="first", maintain_order=True)
    return frame.drop([c for c in inputs if frame[c].n_unique() <= 1])


def made(kind: str, seed: int = 0, n: int = 3000) -> Base:
    """A generated table with numbers, levels and some missing cells."""
    from sklearn import datasets

    rng = np.random.default_rng(seed)
    if kind == "regression":
        x, y = datasets.make_friedman1(n, n_features=10, noise=1.0, random_state=seed)
    else:
        x, y = datasets.make_classification(n, 10, n_informative=5, n_classes=3 if kind == "multiclass" else 2, flip_y=0.0, random_state=seed)
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(10)})
    level = np.digitize(x[:, 0] + rng.normal(0, 1, n), [-1, 0, 1])
    frame = frame.with_columns(
        pl.Series("colour", np.array(["red", "green", "blue", "black"])[level]),
        pl.Series("count", rng.poisson(6, n)),
        pl.Series("x9", np.where(rng.random(n) < 0.05, None, x[:, 9]).astype(float)).fill_nan(None),
        pl.Series("target", y if kind == "regression" else [f"k{v}" for v in y]),
    )
    return Base(name=f"made-{kind}", frame=frame, target="target", task=kind)


def _file(root: Path, path: str, target: str, task: str, name: str, **how) -> Base | None:
    if not (root / path).is_file():
        return None
    frame = pl.read_csv(root / path, infer_schema_length=None, null_values=["NA", "?", " ", ""], **how)
    return Base(name=name, frame=frame, target=target, task=task)


def real(root: Path) -> list[Base]:
    """Real tables with their natural faults (named in their README) repaired; at most 10,000 rows each."""
    out = []
    if b := _file(root, "adult/train.csv.gz", "income", "binary", "adult"):
        frame = b.frame.drop("education").with_columns(pl.when(pl.col("capital_gain") == 99999).then(None).otherwise(pl.col("capital_gain")).alias("capital_gain"))
        out.append(Base(name="adult", frame=_tidy(frame, "income").sample(10_000, seed=0, shuffle=True), target="income", task="binary"))
    if b := _file(root, "telco-churn/telco-churn.csv", "Churn", "binary", "telco-churn"):
        out.append(Base(name="telco-churn", frame=_tidy(b.frame.drop("customerID"), "Churn"), target="Churn", task="binary"))
    if b := _file(root, "california-housing/housing.csv", "median_house_value", "regression", "california-housing"):
        out.append(Base(name="california-housing", frame=_tidy(b.frame, "median_house_value").sample(10_000, seed=0, shuffle=True), target="median_house_value", task="regression"))
    if b := _file(root, "wine-quality/wine.csv", "quality", "regression", "wine-quality"):
        out.append(Base(name="wine-quality", frame=_tidy(b.frame, "quality").sample(fraction=1.0, seed=0, shuffle=True), target="quality", task="regression"))
    if b := _file(root, "covertype-15k/covertype.csv.gz", "Cover_Type", "multiclass", "covertype"):
        out.append(Base(name="covertype", frame=_tidy(b.frame.drop("Id"), "Cover_Type").sample(6_000, seed=0, shuffle=True), target="Cover_Type", task="multiclass"))
    if b := _file(root, "titanic/train.csv", "Survived", "binary", "titanic"):
        out.append(Base(name="titanic", frame=b.frame.drop("PassengerId"), target="Survived", task="binary"))
    if b := _file(root, "penguins/penguins.csv", "species", "multiclass", "penguins"):
        out.append(Base(name="penguins", frame=_tidy(b.frame, "species").sample(fraction=1.0, seed=0, shuffle=True), target="species", task="multiclass"))
    if b := _file(root, "hflights/hflights.csv.gz", "ArrDelay", "regression", "hflights"):
        keep = ["Month", "DayofMonth", "DayOfWeek", "DepTime", "UniqueCarrier", "Origin", "Dest", "Distance", "ArrDelay"]
        out.append(Base(name="hflights", frame=_tidy(b.frame.select(keep).drop_nulls(), "ArrDelay").sample(8_000, seed=0, shuffle=True), target="ArrDelay", task="regression"))
    return out


def bundled() -> list[Base]:
    """Tables that come with scikit-learn, and generated ones."""
    return [*(_bundled(n) for n in ("iris", "wine", "breast_cancer", "digits", "diabetes")), *(made(k) for k in ("binary", "multiclass", "regression"))]


def overlapping(kind: str, seed: int = 0, n: int = 2000) -> Base:
    """Classes that overlap although every label is right: what is hard must not be called wrong."""
    rng = np.random.default_rng(seed)
    if kind == "two-clouds":
        y = rng.integers(0, 2, n)
        x = rng.normal(0, 1, (n, 5))
        x[:, 0] += 2.0 * y
    elif kind == "linear-with-error":
        x = rng.normal(0, 1, (n, 6))
        y = (x @ np.array([1.0, 1.0, -1.0, 0.5, 0.0, 0.0]) + rng.normal(0, 1.5, n) > 0).astype(int)
    elif kind == "five-grades":
        x = rng.normal(0, 1, (n, 6))
        level = x @ np.array([1.0, 1.0, -1.0, 0.5, 0.0, 0.0]) + rng.normal(0, 0.7, n)
        y = np.digitize(level, np.quantile(level, [0.2, 0.4, 0.6, 0.8]))
    elif kind == "uneven-grades":
        y = rng.choice(3, n, p=[0.6, 0.35, 0.05])
        x = np.c_[y + rng.normal(0, 0.7, n), 2 * y + rng.normal(0, 1.5, n), rng.normal(0, 1, (n, 2))]
    else:
        y = rng.integers(0, 4, n)
        x = rng.normal(0, 1, (n, 6))
        x[np.arange(n), y] += 2.0
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])}).with_columns(pl.Series("target", [f"k{v}" for v in y]))
    return Base(name=f"overlap-{kind}", frame=frame, target="target", task="binary" if y.max() == 1 else "multiclass")


OVERLAPS = ("two-clouds", "linear-with-error", "five-grades", "uneven-grades", "four-clouds")


def overlaps() -> list[Base]:
    """Clean twins with class overlap; no faults are planted into them."""
    return [overlapping(k) for k in OVERLAPS]
