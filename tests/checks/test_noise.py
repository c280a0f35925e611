"""Label noise: flipped labels are told, classes that merely overlap are not (T30)."""

import numpy as np
import polars as pl
import pytest
from planted_bases import OVERLAPS, Base, made, overlapping

from phasewise.checks.registry import run_checks
from phasewise.checks.table import CheckTable


def noise(base: Base) -> tuple[str, float]:
    found = run_checks(CheckTable(frame=base.frame, target=base.target, task=base.task, options={"folds": 5}), ["label-noise"]).findings
    return (found[0].severity, found[0].numbers["share"]) if found else ("", 0.0)


def flipped(base: Base, share: float, seed: int = 0) -> Base:
    rng = np.random.default_rng(seed)
    names = np.array(sorted(base.frame[base.target].unique().to_list()))
    codes = np.searchsorted(names, base.frame[base.target].to_numpy().astype(str))
    codes = np.where(rng.random(len(codes)) < share, (codes + rng.integers(1, len(names), len(codes))) % len(names), codes)
    return Base(name=base.name, frame=base.frame.with_columns(pl.Series(base.target, names[codes].tolist())), target=base.target, task=base.task)


@pytest.mark.parametrize("kind", OVERLAPS)
def test_overlapping_classes_are_not_called_wrong_labels(kind):
    for seed in range(3):
        assert noise(overlapping(kind, seed))[0] != "warn", (kind, seed)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_flipped_labels_are_told_with_about_their_share(kind):
    severity, share = noise(flipped(made(kind), 0.1))
    assert severity == "warn" and 0.05 <= share <= 0.14


def test_repeating_inputs_cap_the_certainty_and_are_no_proof():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (3000, 6))
    y = rng.random(3000) < 1 / (1 + np.exp(-(x @ np.array([2, 1.5, 1, -1, -2, 0]) - 0.7)))
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(6)}).with_columns(pl.Series("target", np.where(y, "yes", "no").tolist()))
    assert noise(Base(name="levels", frame=frame, target="target", task="binary"))[0] != "warn"


def test_flips_among_repeating_inputs_are_told_as_contradictions():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 4, (4000, 5))
    frame = pl.DataFrame({f"x{i}": np.array(list("abcd"))[x[:, i]].tolist() for i in range(5)}).with_columns(pl.Series("target", np.where((x[:, 0] > 1) ^ (x[:, 1] == 2), "good", "bad").tolist()))
    clean = Base(name="levels", frame=frame, target="target", task="binary")
    told = [run_checks(CheckTable(frame=b.frame, target="target", task="binary"), ["conflicting-labels"]).findings for b in (clean, flipped(clean, 0.08))]
    assert not told[0] and told[1][0].rows > 0.1 * 4000  # both rows of a contradiction are touched
