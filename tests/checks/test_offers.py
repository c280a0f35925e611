"""What an offer or a cluster shows before anybody decides: the effect of components, the rows of copies, one sentence about few test rows (D10, T15, T16, P09)."""

import numpy as np
import polars as pl
import pytest

from phasewise.checks import reduced
from phasewise.checks.jitter import jittered
from phasewise.checks.registry import run_checks
from phasewise.checks.table import ROW, CheckTable
from phasewise.kinds.shared import splitchecks


def correlated(n=600, d=20, seed=0, signal="common"):
    """`d` noisy copies of one common factor; the target depends on it, or on the small difference of the last two columns."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    x = common[:, None] + 0.15 * rng.normal(size=(n, d))
    cause = common if signal == "common" else 8 * (x[:, -1] - x[:, -2])
    y = np.where(cause + 0.3 * rng.normal(size=n) > 0, "yes", "no")
    return pl.DataFrame({f"x{j}": x[:, j] for j in range(d)}).with_columns(pl.Series("target", y)), x, y


def found(frame, check, **more):
    return next((f for f in run_checks(CheckTable(frame=frame, target="target", **more), [check]).findings if f.check == check), None)


def test_the_effect_equals_scikit_learns_pipeline():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame, x, y = correlated(400)
    table = CheckTable(frame=frame, target="target")
    got = reduced.effect(table, x, np.arange(400), (0.95,))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for row, steps in zip(got, ([StandardScaler()], [StandardScaler(), PCA(0.95, svd_solver="full")]), strict=True):
        proba = cross_val_predict(make_pipeline(*steps, LogisticRegression(max_iter=300)), x, y == "yes", cv=folds, method="predict_proba")[:, 1]
        assert abs(row["score"] - roc_auc_score(y == "yes", proba)) < 1e-12
    assert got[1]["components"] < got[0]["components"] == 20 and abs(got[1]["difference"] - (got[1]["score"] - got[0]["score"])) < 1e-12


def test_components_that_keep_the_signal_cost_nothing_and_those_that_drop_it_are_told():
    kept, lost = found(correlated()[0], "dimensionality"), found(correlated(signal="small")[0], "dimensionality")
    ninety = [next(r for r in f.numbers["effect"] if r["share"] == 0.90) for f in (kept, lost)]
    assert ninety[0]["high"] > -0.005 and ninety[1]["high"] < -0.2
    assert "A linear model on these columns: ROC AUC" in kept.seen and f"{ninety[1]['difference']:+.4f}" in lost.seen
    number = correlated()[0].with_columns(pl.Series("target", correlated()[1].mean(1)))
    assert "R" in found(number, "dimensionality", task="regression").seen.partition("A linear model on these columns: ")[2][:3]


def test_clusters_of_copies_and_near_copies_name_their_rows_in_the_file():
    rng = np.random.default_rng(1)
    base = pl.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200).round(3), "c": rng.choice(["u", "v"], 200), "target": rng.choice(["p", "q"], 200)})
    frame = pl.concat([base, base[[3, 3, 9]], base[20:26].with_columns(pl.col("a") + 1e-7)]).with_row_index(ROW).with_columns(pl.col(ROW) + 1000)
    copies, near = found(frame, "duplicate-rows"), found(frame, "near-duplicates")
    assert copies.examples == ["rows 1,004, 1,201, 1,202", "rows 1,010, 1,203"] and copies.numbers["clusters"] == 2 and copies.numbers["largest"] == 3
    assert len(near.examples) == 5 and all(e.startswith("rows 1,02") and "'a'" in e for e in near.examples)
    assert {tuple(e.split(":")[0].removeprefix("rows ").replace(",", "").split(" and ")) for e in near.examples} <= {(str(1021 + i), str(1204 + i)) for i in range(6)}


def test_few_test_rows_are_said_once():
    frame = correlated(150)[0]
    before = run_checks(CheckTable(frame=frame, target="target"), ["amount"])
    after = run_checks(CheckTable(frame=frame, target="target", options={"test_rows": 40}), ["amount"])
    assert before.findings and not after.findings and "part-size" in after.coverage[0].why
    small = splitchecks.size(40, 0.11, 0, "stratified")[0]
    assert small.id == "part-size" and [r.action for r in small.remedies] == ["folds", "accept"] and small.recommended().action == "accept" and "11.0 points" in small.seen
    assert [r.action for r in splitchecks.size(40, 0.11, 5, "stratified")[0].remedies] == ["accept"] == [r.action for r in splitchecks.size(40, 0.11, 0, "time")[0].remedies]
    assert splitchecks.size(400, 0.03, 0, "stratified")[0].severity == "pass"


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "made-multiclass", "iris", "wine"])
def test_copies_with_noise_in_every_number_are_found_kept_together_and_never_seen_in_clean_tables(name):
    from planted_bases import bundled

    from phasewise.kinds.tabular.rows import clusters

    base = next(b for b in bundled() if b.name == name)
    rng = np.random.default_rng(0)
    copies = base.frame[rng.choice(base.frame.height, 30, replace=False)]
    floats = [c for c in base.frame.columns if base.frame.schema[c].is_float() and c != base.target]
    noisy = copies.with_columns([pl.col(c) * (1 + pl.Series(rng.normal(0, 1e-6, 30))) for c in floats])
    both = pl.concat([base.frame, noisy])
    assert len(jittered(base.frame, [c for c in base.frame.columns if c != base.target])) == 0
    found = run_checks(CheckTable(frame=both, target=base.target, task=base.task), ["near-duplicates"]).findings
    assert found and found[0].severity == "warn" and 25 <= found[0].rows <= 33
    features = [c for c in both.columns if c != base.target]
    assert clusters(both, features).near >= 25 and clusters(base.frame, features).near == 0
