"""Traits of tables everybody knows: codes that are no usual ones, zeros for nothing, decimal commas, years of building, sizes of diamonds, machines in runs."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from phasewise.checks import remedies
from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable
from phasewise.checks.time_checks import timelike
from phasewise.kinds.registry import kind
from phasewise.project.folder import Project
from phasewise.records.jobs import ChecksJob, DataView, SplitJob
from phasewise.worker.jobs import checks

N = 900


def found(frame: pl.DataFrame, *only: str, task: str = "binary") -> dict:
    return {f.id: f for f in run_checks(CheckTable(frame=frame, target="y", task=task), list(only)).findings}


def noise(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("cells", "code"), [
    (lambda r: np.where(r.random(N) < 0.05, -200.0, r.gamma(4, 300, N)), -200),  # the gap is smaller than the spread of the rest
    (lambda r: np.where(r.random(N) < 0.03, 65535.0, r.normal(900, 200, N).round()), 65535),
    (lambda r: np.where(r.random(N) < 0.02, 0.0, r.normal(32, 4, N).round(1)), 0),
])
def test_a_code_that_is_no_usual_one_is_told(cells, code):
    told = found(pl.DataFrame({"x": cells(noise()), "y": noise(4).integers(0, 2, N)}), "sentinel-values")["sentinel-values:x"]
    assert told.severity == "warn" and told.numbers["values"] == [code]


@pytest.mark.parametrize("cells", [
    lambda r: np.where(r.random(N) < 0.3, 0.0, r.gamma(1, 8, N).round(1) + 0.1),  # rain
    lambda r: r.poisson(3, N).astype(float),
    lambda r: np.where(r.random(N) < 0.1, 0.0, r.integers(110, 1500, N)),  # a second floor
    lambda r: r.normal(0, 30, N).round(),
    lambda r: np.where(r.random(N) < 0.4, -20.0, r.normal(-10, 6, N).round()),  # a scale with an end below zero
])
def test_natural_zeros_and_negative_values_are_no_codes(cells):
    assert found(pl.DataFrame({"x": cells(noise()), "y": noise(4).integers(0, 2, N)}), "sentinel-values") == {}


def test_zero_insulin_is_none_though_amounts_begin_near_it():
    r = noise()
    frame = pl.DataFrame({"Insulin": np.where(r.random(N) < 0.4, 0, r.lognormal(4.8, 0.6, N).round() + 1), "y": r.integers(0, 2, N)})
    assert found(frame, "sentinel-values")["sentinel-values:Insulin"].numbers["values"] == [0]


def test_numbers_with_decimal_commas_are_checked_as_numbers_and_their_remedies_read_text(tmp_path):
    r = noise()
    heat = r.normal(20, 5, N)
    dead = r.random(N) < 0.05
    cells = ["-200" if d else f"{v:.1f}".replace(".", ",") for v, d in zip(heat, dead, strict=True)]
    y = ["-200" if d else f"{v:.2f}".replace(".", ",") for v, d in zip(2 * heat + r.normal(0, 3, N), np.roll(dead, 5), strict=True)]
    pl.DataFrame({"heat": cells, "other": r.normal(size=N).round(3), "y": y}).write_csv(tmp_path / "d.csv", separator=";")
    project = Project.create(tmp_path / "p", "p")
    view = DataView(kind="tabular", file=str(tmp_path / "d.csv"), target="y", task="regression")
    kind("tabular").room("splitting").split(project, SplitJob(phase="data", data=view, policy="random"), lambda *a, **k: None)
    ctx = SimpleNamespace(project=project, started=lambda *a: None, progress=lambda *a, **k: None, control=SimpleNamespace(poll=lambda: None, stop=None), finding=lambda *a: None, log=lambda *a: None)
    told = {f.id: f for f in checks.run(ctx, ChecksJob(phase="data", data=view)).findings}
    assert {"sentinel-values:heat", "sentinel-values:y"} <= set(told) and "suspiciously-perfect" not in told
    chosen = {i: told[i].recommended().spelled for i in ("sentinel-values:heat", "sentinel-values:y")}
    dev = kind("tabular").room("development").load(project, view.model_copy(update={"remedies": chosen}))
    assert dev.y.min() > 0 and dev.table["heat"].min() > 0 and 0.02 < dev.table["heat"].null_count() / dev.table.height < 0.09
    late = remedies.apply(pl.DataFrame({"heat": ["-200,0", "21,5", None]}), {"sentinel-values:heat": chosen["sentinel-values:heat"]}, "y")
    assert late["heat"].to_list() == [None, 21.5, None]


def test_the_size_of_a_diamond_is_no_leak_because_its_weight_tells_as_much():
    r = noise()
    carat = r.lognormal(-0.4, 0.5, N)
    x = carat ** (1 / 3) * r.normal(1, 0.004, N)
    price = np.exp(8 + 1.9 * np.log(carat) + r.normal(0, 0.25, N))
    frame = pl.DataFrame({"carat": carat.round(2), "x": x.round(3), "depth": r.normal(size=N), "y": price})
    assert all(f.severity == "info" for f in found(frame, "target-leak", task="regression").values())
    late = frame.with_columns((pl.col("y") * pl.Series(r.normal(1, 0.05, N))).alias("sold_for"))
    assert found(late, "target-leak", task="regression")["target-leak:sold_for"].severity in ("warn", "block")


def test_a_strong_part_of_the_total_does_not_hide_the_sum():
    r = noise()
    casual, registered = r.poisson(6, N), r.poisson(150 * r.random(N))
    told = found(pl.DataFrame({"casual": casual, "registered": registered, "temp": r.normal(size=N), "y": casual + registered}), "target-formula", task="regression")
    assert set(told) == {"target-formula:casual+registered"}


@pytest.mark.parametrize(("name", "is_time"), [("YearBuilt", False), ("YearRemodAdd", False), ("model_year", False), ("birth_year", False), ("year", True), ("YearSold", True)])
def test_a_year_that_tells_how_old_a_thing_is_orders_no_rows(name, is_time):
    assert timelike(pl.Series(name, [1990, 2004, 2010])) is is_time


def test_few_long_runs_of_named_machines_are_groups():
    r = noise()
    of = np.repeat(np.arange(30), 60)
    bias = r.normal(0, 2, (30, 4))[of]
    frame = pl.DataFrame({"unit": [f"M{k:02d}" for k in of], **{f"s{j}": bias[:, j] + r.normal(0, 0.3, len(of)) for j in range(4)}, "y": (bias[:, 0] + r.normal(0, 0.5, len(of)) > 0).astype(int)})
    assert found(frame, "group-column")["group-column:unit"].recommended().action == "group-split"


def test_hidden_digits_of_a_postcode_are_no_unit():
    frame = pl.DataFrame({"zip": [f"{k}xx" for k in noise().integers(100, 999, N)], "y": noise(4).integers(0, 2, N)})
    assert found(frame, "mixed-formats") == {}


def test_an_amount_that_is_above_zero_only_after_the_outcome_is_a_leak_and_one_that_is_not_is_none():
    r = noise()
    failed = r.random(N) < 0.2
    back = np.where(failed & (r.random(N) < 0.6), r.gamma(2, 300, N).round(2), 0.0)
    gain = np.where(r.random(N) < 0.1, r.gamma(2, 900, N).round(2), 0.0)
    told = found(pl.DataFrame({"recoveries": back, "gain": gain, "y": np.where(failed, "failed", "paid")}), "missingness-leak")
    assert set(told) == {"missingness-leak:recoveries"} and told["missingness-leak:recoveries"].severity == "block" and "is zero" in told["missingness-leak:recoveries"].title


def test_a_negative_count_is_told_also_of_the_target():
    r = noise()
    counts = np.where(np.arange(N) % 40 == 0, -1, r.poisson(3, N))
    told = found(pl.DataFrame({"x": r.normal(size=N), "y": r.normal(size=N), "item_count": counts}), "impossible-values", task="regression")
    assert set(told) == {"impossible-values:item_count"} and "never negative" in told["impossible-values:item_count"].seen
    table = CheckTable(frame=pl.DataFrame({"x": r.normal(size=N), "count": counts}), target="count", task="regression")
    target = {f.id: f for f in run_checks(table, ["impossible-values"]).findings}["impossible-values:count"]
    repaired = remedies.apply(table.frame, {target.id: target.recommended().spelled}, "count")
    assert repaired["count"].min() == 0 and repaired["count"].null_count() == target.rows


def test_wrong_labels_of_one_level_are_told_though_its_column_is_called_nothing_special():
    r = noise()
    n = 3000
    x = r.normal(size=(n, 3))
    habitat = r.choice(["wood", "grass", "path", "leaf"], n)
    label = x[:, 0] + x[:, 1] > 0
    flipped = np.where((habitat == "grass") & (r.random(n) < 0.3), ~label, label)
    for y, told in ((label, set()), (flipped, {"slice-noise:habitat=grass"})):
        frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "habitat": habitat, "y": np.where(y, "yes", "no")})
        assert set(found(frame, "slice-noise")) == told
