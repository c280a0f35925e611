"""Continuous feed (X14): a drifted feed is promoted and forgets little, an undrifted one and one with shuffled labels are not."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, small_config, write_csv  # noqa: E402

from phasewise.stats.paired import Difference  # noqa: E402
from phasewise.worker.feeding import held_out  # noqa: E402
from phasewise.worker.jobs.feed import decision  # noqa: E402


def rows(path: Path, count: int, seed: int, *, where: float = 0.0, shuffled: bool = False) -> Path:
    """Two numbers and a town; right of `where` = 4 the rule turns round, which the old rows do not show."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(where, 1, count), rng.normal(0, 1, count)
    yes = np.where(a > 2, b < 0, a + b > 0) ^ (rng.random(count) < 0.05)
    label = np.where(yes, "yes", "no")
    return write_csv(path, {"a": a.round(4), "b": b.round(4), "town": rng.choice(["x", "y"], count), "label": rng.permutation(label) if shuffled else label})


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feed")
    made = Jobs(folder / "p", rows(folder / "old.csv", 900, 0), "label", "accuracy", task="binary", positive="yes")
    made.split()
    network = made.run("fit", config=small_config(epochs=15, lr=0.02).model_dump(), seeds=[0]).model.ref
    trees = next(m.ref for m in made.run("baselines", phase="baseline", models=["trees"]).models if m.name == "trees")
    return made, folder, {"network": network, "trees": trees}


def feed(served, which: str, file: Path, **fields):
    made, _, models = served
    return made.run("feed", phase="field", model=models[which], file=str(file), name=file.stem, **fields)


@pytest.mark.parametrize("which", ["network", "trees"])
def test_a_drifted_feed_is_promoted_and_forgets_less_than_a_point(served, which):
    found = feed(served, which, rows(served[1] / f"moved-{which}.csv", 700, 1, where=4.0))
    assert found.promoted and found.new.low > 0.1 and found.old.difference > -0.01, found.reason
    assert next(d for d in found.drift if d.column == "a").drifted and not next(d for d in found.drift if d.column == "town").drifted
    assert found.trained + found.held == found.fresh <= 700 and found.model.ref.endswith("/candidate")
    from phasewise.kinds.tabular import predictor

    run, name = found.model.ref.split("/")
    old, new = (predictor.load(served[0].folder / "runs" / r / "models" / m) for r, m in (served[2][which].split("/"), (run, name)))
    for before, after in zip(old.members or [old], new.members or [new], strict=True):
        assert after.preparing.to_json() == before.preparing.to_json()  # frozen transforms


@pytest.mark.parametrize("which", ["network", "trees"])
def test_more_of_the_same_and_bad_labels_are_not_promoted(served, which):
    same = feed(served, which, rows(served[1] / f"same-{which}.csv", 500, 2))
    assert not same.promoted and not any(d.drifted for d in same.drift) and "incumbent stays" in same.reason
    bad = feed(served, which, rows(served[1] / f"bad-{which}.csv", 500, 3, shuffled=True))
    assert not bad.promoted


def test_the_second_feed_keeps_the_rows_of_the_first(served):
    first = rows(served[1] / "first.csv", 600, 4, where=4.0)
    again = feed(served, "network", rows(served[1] / "second.csv", 400, 5, where=4.0), earlier=[str(first)])
    alone = feed(served, "network", served[1] / "second.csv")
    assert again.promoted and again.notes == ["1 earlier feed(s) are in the training pool"] and again.held == alone.held
    assert again.new.value >= alone.new.value - 0.03


def test_folds_keep_their_out_of_fold_comparison(tmp_path):
    made = Jobs(tmp_path / "p", rows(tmp_path / "old.csv", 300, 6), "label", "accuracy", task="binary", positive="yes", folds=3)
    made.split(folds=3)
    network = made.run("fit", config=small_config(epochs=40, lr=0.02).model_dump(), seeds=[0]).model
    found = made.run("feed", phase="field", model=network.ref, file=str(rows(tmp_path / "moved.csv", 500, 7, where=4.0)), name="moved")
    assert found.promoted, found.reason
    assert len(found.model.validation.folds) == 3 and found.model.validation.n == network.validation.n


def test_the_seed_in_the_middle_stands_for_all(served):
    found = feed(served, "network", rows(served[1] / "three.csv", 500, 12, where=4.0), seeds=3)
    assert found.promoted and found.model.ref.endswith("/candidate") and "3 seeds" in found.notes[0]
    low, high = (float(part) for part in found.notes[0].partition("runs from ")[2].partition(";")[0].split(" to "))
    assert low <= round(found.new.difference, 4) <= high and low < high
    kept = served[0].folder / "runs" / found.model.ref.partition("/")[0]
    assert [p.name for p in (kept / "models").iterdir()] == ["candidate"] and [p.name for p in (kept / "arrays").iterdir()] == ["candidate.npz"]


def test_rows_seen_before_and_too_few_rows(served):
    made, folder, models = served
    lines = (folder / "old.csv").read_text().splitlines()
    (folder / "seen.csv").write_text("\n".join(lines[:300]) + "\n")
    made.run("feed", phase="field", model=models["network"], file=str(folder / "seen.csv"), name="seen", code=2)
    made.run("feed", phase="field", model=models["network"], file=str(rows(folder / "few.csv", 40, 8)), name="few", code=2)


def test_the_decision_and_the_side_of_a_row():
    def gap(value, low, high):
        return Difference(value=value, low=low, high=high, p=0.0, method="")

    good = gap(0.05, 0.02, 0.08)
    assert decision(gap(-0.005, -0.02, 0.01), good, 0.01)[0] and not decision(gap(-0.03, -0.05, -0.01), good, 0.01)[0]
    assert not decision(gap(0.0, -0.01, 0.01), gap(0.01, -0.01, 0.03), 0.01)[0] and "labels" in decision(gap(0, 0, 0), gap(-0.1, -0.2, -0.05), 0.01)[1]
    hashes = np.random.default_rng(0).integers(0, 2**63, 3000).astype(np.uint64)
    assert 900 < held_out(hashes).sum() < 1100 and np.array_equal(held_out(hashes)[::-1], held_out(hashes[::-1]))


@pytest.mark.slow
def test_a_stream_of_five_feeds_over_five_worlds(tmp_path):
    """X14: drifting feeds one after another, then one with shuffled labels; the model in service learns and forgets less than a point."""
    learned, lost, bad = [], [], 0
    for world in range(5):
        made = Jobs(tmp_path / f"p{world}", rows(tmp_path / f"old{world}.csv", 900, 100 * world), "label", "accuracy", task="binary", positive="yes")
        made.split()
        first = now = made.run("fit", config=small_config(epochs=15, lr=0.02).model_dump(), seeds=[0]).model.ref
        pool: list[str] = []
        for step in range(5):
            file = rows(tmp_path / f"w{world}s{step}.csv", 400, 100 * world + step + 1, where=4.0)
            found = made.run("feed", phase="field", model=now, file=str(file), name=file.stem, earlier=pool, seeds=3)
            if found.promoted:
                now, pool = found.model.ref, [*pool, str(file)]
        fresh = rows(tmp_path / f"w{world}judge.csv", 600, 100 * world + 90, where=4.0)
        judged = made.run("feed", phase="field", model=first, file=str(fresh), name="judge-first")
        again = made.run("feed", phase="field", model=now, file=str(fresh), name="judge-last", earlier=pool)
        learned.append(again.incumbent_new.value - judged.incumbent_new.value)
        lost.append(judged.incumbent_old.value - again.incumbent_old.value)
        shuffled = rows(tmp_path / f"w{world}bad.csv", 500, 100 * world + 91, where=4.0, shuffled=True)
        bad += made.run("feed", phase="field", model=now, file=str(shuffled), name="bad", earlier=pool, seeds=3).promoted
    print(f"X14 five worlds: learned {np.round(learned, 3)}, lost on old rows {np.round(lost, 3)}, bad feeds promoted {bad} of 5")
    assert np.mean(learned) > 0.1 and np.mean(lost) < 0.01 and bad == 0
