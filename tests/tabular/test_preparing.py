"""Preparation: learned on training rows, frozen, the same bits ever after (D07-D10, D19, D20)."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from phasewise.kinds.tabular import dateparts, preparing, scaling
from phasewise.records.errors import BadInputError, UsageError
from tabular.helpers import developed, mixed


def test_standard_scaling_equals_scikit_learn_and_not_the_seeds_formula() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3)) * [0.01, 1, 100] + [5, 0, -3]
    found = scaling.transform_numbers(scaling.fit_numbers(x, ["a", "b", "c"]), x)
    assert np.allclose(found, StandardScaler().fit_transform(x), atol=1e-6)
    assert np.allclose(found.mean(0), 0, atol=1e-5) and np.allclose(found.std(0), 1, atol=1e-5)
    wrong = (x - x.mean(0)) / x.var(0)
    assert np.allclose(wrong.std(0), [1 / x[:, 0].std(), 1 / x[:, 1].std(), 1 / x[:, 2].std()])
    assert abs(wrong.std(0)[0] - 1) > 50 and not np.allclose(found, wrong, atol=1e-2)


def test_statistics_are_per_column_not_per_row() -> None:
    x = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])
    numbers = scaling.fit_numbers(x, ["a", "b"])
    assert numbers.center == [3.0, 20.0] and len(numbers.scale) == 2
    assert np.allclose(scaling.transform_numbers(numbers, x).mean(0), 0) and not np.allclose(scaling.transform_numbers(numbers, x).mean(1), 0)


@pytest.mark.parametrize("scaler", ["standard", "quantile", "robust", "none"])
def test_constant_missing_and_wild_columns_stay_finite(scaler: str) -> None:
    x = np.array([[1.0, np.nan, 1e300, np.inf, 5.0]] * 6 + [[1.0, np.nan, -1e300, 2.0, 7.0]])
    numbers = scaling.fit_numbers(x, list("abcde"), scaler=scaler)
    assert np.isfinite(scaling.transform_numbers(numbers, np.vstack([x, np.full((1, 5), 1e308), np.full((1, 5), np.nan)]))).all()


def test_a_constant_with_rounding_noise_is_constant() -> None:
    x = np.full((1000, 1), 0.1) + np.where(np.arange(1000) % 2, 0, 1.4e-17)[:, None]
    assert np.abs(scaling.transform_numbers(scaling.fit_numbers(x, ["a"]), x)).max() < 1e-6


def test_quantile_scaling_equals_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    x = np.c_[rng.exponential(size=2000), rng.integers(0, 5, 2000).astype(float), np.where(rng.random(2000) < 0.9, 0.0, rng.lognormal(size=2000))]
    reference = QuantileTransformer(output_distribution="normal", n_quantiles=1000, subsample=None).fit(x)
    found = scaling.transform_numbers(scaling.fit_numbers(x, list("abc"), scaler="quantile"), x)
    inside = (x > x.min(0)) & (x < x.max(0))
    assert np.allclose(found[inside], reference.transform(x)[inside], atol=2e-5)
    # Where scikit-learn throws the smallest value to -5.2, however many rows hold it, ties keep the middle of their levels.
    assert (reference.transform(x)[x[:, 2] == 0, 2] < -5).all() and np.abs(found[x[:, 2] == 0, 2]).max() < 0.2


@pytest.mark.parametrize(("share", "count"), [(0.9, 21), (0.95, 29), (0.99, 41)])
def test_pca_equals_scikit_learn_on_digits(share: float, count: int) -> None:
    x = load_digits().data
    numbers = scaling.fit_numbers(x, [str(i) for i in range(64)], scaler="none", pca=share)
    reference = PCA(share, svd_solver="full").fit(x)
    assert len(numbers.components) == count == reference.n_components_
    assert np.allclose(numbers.explained, reference.explained_variance_ratio_, atol=1e-8)
    assert np.allclose(scaling.transform_numbers(numbers, x), reference.transform(x), atol=1e-3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    dev, wished = developed(tmp_path_factory.mktemp("w"), mixed(1200))
    return dev, wished, preparing.fit(dev, dev.train, wished)


def test_validation_rows_cannot_be_fitted_on(world: tuple) -> None:
    dev, wished, _ = world
    with pytest.raises(UsageError, match="training rows only"):
        preparing.fit(dev, np.r_[dev.train, dev.validation[:1]], wished)


def test_training_statistics_are_kept_for_other_rows(world: tuple) -> None:
    dev, _, prepared = world
    train = prepared.transform(dev.table[dev.train])["num"]
    assert np.allclose(train[:, :2].mean(0), 0, atol=1e-5)
    moved = dev.table[dev.validation].with_columns(pl.col("z") + 10)
    place = prepared.number_names.index("z")
    before, after = prepared.transform(dev.table[dev.validation])["num"][:, place], prepared.transform(moved)["num"][:, place]
    assert np.allclose(after - before, 10 / prepared.numbers.scale[place], atol=1e-4) and abs(after.mean()) > 1


def test_changing_validation_rows_changes_nothing_learned(world: tuple) -> None:
    dev, wished, prepared = world
    from dataclasses import replace

    hidden = pl.Series(np.isin(np.arange(dev.table.height), dev.validation))
    other = replace(dev, table=dev.table.with_columns(pl.when(hidden).then(999.0).otherwise(pl.col("z")).alias("z")))
    assert preparing.fit(other, dev.train, wished).to_json() == prepared.to_json()


def test_gaps_are_filled_with_the_median_and_marked(world: tuple) -> None:
    dev, _, prepared = world
    assert "x missing" in prepared.number_names and "z missing" not in prepared.number_names
    out = prepared.transform(dev.table)["num"]
    gap = dev.table["x"].is_null().to_numpy()
    place = prepared.number_names.index("x")
    median = np.nanmedian(dev.table[dev.train]["x"].to_numpy())
    assert np.allclose(out[gap, place], (median - prepared.numbers.center[place]) / prepared.numbers.scale[place], atol=1e-6)
    assert np.array_equal(out[:, prepared.number_names.index("x missing")], gap.astype(np.float32))


def test_unseen_and_missing_levels_have_code_0(world: tuple) -> None:
    dev, _, prepared = world
    table = dev.table.head(3).with_columns(pl.Series("colour", ["violet", None, "red"]))
    codes = prepared.transform(table)["cat"][:, prepared.category_names.index("colour")]
    assert codes.tolist() == [0, 0, 1 + prepared.levels["colour"].index("red")] and codes.dtype == np.int32
    assert prepared.unseen(table) == {"colour": 1}
    assert prepared.cardinalities[prepared.category_names.index("colour")] == 4


def test_json_round_trip_is_bitwise_in_another_process(world: tuple, tmp_path: Path) -> None:
    dev, wished, _ = world
    prepared = preparing.fit(dev, dev.train, wished, {"numbers": "quantile", "text": "hash"})
    (tmp_path / "p.json").write_text(prepared.to_json(), encoding="utf-8")
    dev.table.write_parquet(tmp_path / "t.parquet")
    code = (
        "import sys,numpy as np,polars as pl;from phasewise.kinds.tabular.preparing import Preparing;"
        "p=Preparing.from_json(open(sys.argv[1]+'/p.json',encoding='utf-8').read());np.savez(sys.argv[1]+'/o.npz',**p.transform(pl.read_parquet(sys.argv[1]+'/t.parquet')))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    here = prepared.transform(dev.table)
    with np.load(tmp_path / "o.npz") as there:
        assert all(np.array_equal(here[k].view(np.uint8), there[k].view(np.uint8)) for k in ("num", "cat"))


def test_missing_column_is_named(world: tuple) -> None:
    dev, _, prepared = world
    with pytest.raises(BadInputError, match="lacks columns") as caught:
        prepared.transform(dev.table.drop("colour"))
    assert "'colour'" in caught.value.cause


def test_options(world: tuple) -> None:
    dev, wished, _ = world
    few = preparing.fit(dev, dev.train, wished, {"features": ["z", "colour"], "min_count": 10_000, "indicators": False})
    assert few.columns == ["z", "colour"] and few.levels["colour"] == [] and few.number_names == ["z"]
    assert preparing.fit(dev, dev.train, wished, {"pca": 0.9}).number_names[0] == "pc1"
    for bad in ({"numbers": "magic"}, {"features": []}):
        with pytest.raises(UsageError):
            preparing.fit(dev, dev.train, wished, bad)


def test_target_of_a_regression_is_standardised_on_training_rows(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, mixed(1200, task="regression"))
    prepared = preparing.fit(dev, dev.train, wished)
    coded = prepared.target.encode(dev.y)
    assert coded.dtype == np.float32 and coded[dev.train].mean() == pytest.approx(0, abs=1e-5) and coded[dev.train].std() == pytest.approx(1, abs=1e-5)
    assert np.allclose(prepared.target.decode(coded), dev.y, atol=1e-3)
    log = preparing.Target(name="t", task="regression", mean=1.0, std=2.0, log=True)
    assert np.allclose(log.decode(log.encode(np.array([0.0, 5.0, 1000.0]))), [0, 5, 1000], rtol=1e-5)


def _add_datepart(day: datetime) -> dict[str, int]:
    """fastai `add_datepart`, by the standard library: the reference of D20."""
    after = day + timedelta(days=1)
    quarter = (day.month - 1) // 3
    return {
        "Year": day.year, "Month": day.month, "Week": day.isocalendar()[1], "Day": day.day, "Dayofweek": day.weekday(), "Dayofyear": day.timetuple().tm_yday,
        "Is_month_end": after.month != day.month, "Is_month_start": day.day == 1, "Is_quarter_end": (after.month - 1) // 3 != quarter, "Is_quarter_start": day.day == 1 and day.month in (1, 4, 7, 10),
        "Is_year_end": after.year != day.year, "Is_year_start": (day.month, day.day) == (1, 1), "Elapsed": int((day - datetime(1970, 1, 1)).total_seconds()),
    }


def test_date_parts_equal_add_datepart_2012_to_2016() -> None:
    days = [datetime(2012, 1, 1) + timedelta(days=i) for i in range(5 * 366)]
    days = [d for d in days if d.year <= 2016]
    assert datetime(2012, 2, 29) in days and datetime(2016, 2, 29) in days
    found = dateparts.date_parts(pl.Series("d", days))
    for part in _add_datepart(days[0]):
        assert found[part].to_list() == [int(_add_datepart(d)[part]) for d in days], part
    assert dateparts.date_parts(pl.Series("d", [None, days[0]], dtype=pl.Datetime("us")))["Year"].to_list() == [None, 2012]


def test_dates_become_categories_and_numbers(world: tuple) -> None:
    _, _, prepared = world
    assert {"day Month", "day Week", "day Dayofweek"} <= set(prepared.category_names) and {"day Year", "day Elapsed", "day Is_month_end"} <= set(prepared.number_names)
    assert "day Hour" not in prepared.category_names


def test_folds_refit_and_keep_the_same_columns(tmp_path: Path) -> None:
    dev, wished = developed(tmp_path, mixed(300))
    made = [preparing.fit(dev, train, wished) for train, _ in dev.rounds()]
    assert len({tuple(m.number_names) for m in made}) == 1 and len({m.numbers.center[0] for m in made}) == 5
