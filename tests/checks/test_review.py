"""The label-review queue: which rows it holds, what it says of them, and what correcting them brings (D18)."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted_bases import made

from phasewise.checks import registry, review
from phasewise.checks.table import CheckTable
from phasewise.kinds.registry import kind
from phasewise.project.folder import Project
from phasewise.project.vault import Vault
from phasewise.records.jobs import DataView, SplitJob
from phasewise.records.results.data import ChecksResult

TARGETS = {
    "text": lambda y: np.where(y > 0, "yes", "no"), "whole numbers": lambda y: (y > 0).astype(np.int64), "floats": lambda y: (y > 0).astype(float),
    "yes and no": lambda y: pl.Series(y > 0),
}


def judged(table: CheckTable) -> ChecksResult:
    return review.filled(registry.run_checks(table, ["label-noise"]), table)


def split(tmp_path: Path, frame: pl.DataFrame, name: str = "data.parquet"):
    file = tmp_path / name
    frame.write_parquet(file)
    project = Project.create(tmp_path / "p")
    view = DataView(kind="tabular", file=str(file), target="target", task="binary")
    kind("tabular").room("splitting").split(project, SplitJob(phase="data", data=view, policy="stratified", test_share=0.3, folds=0), lambda *a, **k: None)
    return project, view, kind("tabular").room("development").load(project, view)


def of(dev) -> CheckTable:
    return CheckTable(frame=dev.natural, target=dev.target, roles=dict(dev.roles), task=dev.task, train=dev.train, validation=dev.validation, subject=dev)


def numbers(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, x[:, 0] + x[:, 1] + rng.normal(0, 0.2, n)


def test_rows_are_those_of_the_file_with_their_part_and_cells(tmp_path):
    x, signal = numbers()
    flipped = np.random.default_rng(1).random(len(x)) < 0.06
    label = np.where((signal > 0) ^ flipped, "yes", "no")
    frame = pl.DataFrame({"case": [f"c{i:04d}" for i in range(len(x))], **{f"x{j}": x[:, j] for j in range(4)}, "note\x1b[2J": ["\u202eevil" + "z" * 500] * len(x), "target": label})
    _, _, dev = split(tmp_path, frame)
    found = judged(of(dev))
    assert found.doubts_rows == found.rows == len(dev.y) and found.doubts_classes == ["no", "yes"]
    rows = [d.row for d in found.doubts]
    assert set(rows) <= set(dev.rows.tolist()) and len(rows) == len(set(rows))
    for d in found.doubts[:20]:
        assert d.given == label[d.row] and d.suggested != d.given and d.cells["case"] == f"c{d.row:04d}"
        assert d.part == ("validation" if d.row in dev.rows[dev.validation] else "train")
    assert [d.margin for d in found.doubts] == sorted(d.margin for d in found.doubts) and all(d.margin < 0 for d in found.doubts)
    assert {d.part for d in found.doubts} == {"train", "validation"}
    wrong = int(flipped[dev.rows].sum())
    assert flipped[rows[:wrong]].mean() > 0.7
    text = found.model_dump_json()
    assert "\\u001b" not in text and "\u202e" not in text and len(text) < 60_000
    told = next(f for f in found.findings if f.check == "label-noise").examples[0]
    assert told.startswith(f"row {rows[0] + 1:,}: ")


def test_a_number_has_no_queue_and_says_why():
    found = judged(CheckTable(frame=made("regression", n=200).frame, target="target", task="regression"))
    assert found.doubts is None and "a number" in found.doubts_why
    few = pl.DataFrame({"a": np.arange(12.0), "target": ["p", "q"] * 6})
    assert judged(CheckTable(frame=few, target="target")).doubts_why == "too few rows or columns for a quick model"


@pytest.mark.parametrize("name", list(TARGETS))
def test_corrections_reach_training_and_validation_rows_of_any_type_and_never_the_sealed_ones(tmp_path, name):
    x, signal = numbers()
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(4)}).with_columns(pl.Series("target", TARGETS[name](signal)))
    project, view, dev = split(tmp_path, frame)
    classes = registry.run_checks(of(dev), ["imbalance"]) and judged(of(dev)).doubts_classes
    inside, again = int(dev.rows[dev.train[0]]), int(dev.rows[dev.validation[0]])
    sealed = next(i for i in range(len(x)) if i not in set(dev.rows.tolist()))
    other = {c: next(d for d in dev.classes if d != c) for c in dev.classes}
    given = {r: dev.classes[dev.y[dev.rows.tolist().index(r)]] for r in (inside, again)}
    wish = {str(inside): other[given[inside]], str(again): "", str(sealed): dev.classes[0]}
    assert set(wish.values()) - {""} <= set(classes)
    changed = kind("tabular").room("development").load(project, view.model_copy(update={"relabel": wish}))
    assert changed.classes == dev.classes and len(changed.y) == len(dev.y) - 1 and again not in changed.rows
    assert changed.classes[changed.y[changed.rows.tolist().index(inside)]] == other[given[inside]]
    keep = [i for i, r in enumerate(dev.rows.tolist()) if r not in (inside, again)]
    now = {int(r): int(c) for r, c in zip(changed.rows, changed.y, strict=True)}
    assert all(now[int(dev.rows[i])] == dev.y[i] for i in keep)
    arriving = kind("tabular").room("arriving")
    with Vault(project.path) as vault:
        vault.freeze("f", {})
        data = vault.open_container("", "f").data
    plain, asked = arriving.opened(project, view, dev, data), arriving.opened(project, view.model_copy(update={"relabel": wish}), changed, data)
    assert np.array_equal(plain.y, asked.y) and len(plain.y) == len(x) - len(dev.y)


def test_reviewing_the_queue_raises_the_score_and_reviewing_at_random_does_not():
    """D18 with its control: 10 % flips in digits, a tenth of the training rows looked at by somebody who knows.

    The model retrained is one that remembers its rows (one neighbour), as a network trained to the end does.
    """
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    x, y = load_digits(return_X_y=True)
    gains, controls = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(y))
        train, held = order[:1200], order[1200:]
        given = y.copy()
        hit = rng.permutation(train)[:120]
        given[hit] = (y[hit] + rng.integers(1, 10, len(hit))) % 10
        frame = pl.DataFrame({f"p{i}": x[train, i] for i in range(64)}).with_columns(pl.Series("target", [f"d{v}" for v in given[train]]))
        found = judged(CheckTable(frame=frame, target="target", task="multiclass", seed=seed))

        def score(seen, labels=given, train=train, held=held):
            fixed = labels.copy()
            fixed[train[seen]] = y[train[seen]]
            model = KNeighborsClassifier(1).fit(x[train], fixed[train])
            return float((model.predict(x[held]) == y[held]).mean())

        before = score(np.array([], dtype=int))
        gains.append(score(np.array([d.row for d in found.doubts[:120]])) - before)
        controls.append(score(rng.permutation(1200)[:120]) - before)
    assert min(gains) > 0.03 and max(controls) < min(gains) - 0.02


def test_pictures_have_a_queue_with_paths_and_thumbnails(tmp_path):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "images"))
    from pictures import project, shapes

    data = shapes(tmp_path / "data", each=40)
    for i in range(3):
        (data / "circle" / f"c{i:03d}.png").rename(data / "square" / f"moved{i}.png")
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.25)
    found = jobs.run("checks")
    assert found.doubts and found.doubts_classes == ["circle", "cross", "square"]
    first = found.doubts[0]
    assert first.cells["path"].startswith(first.given) and len(first.thumbnail) > 2 and first.part in ("train", "validation")
    with Project.open(jobs.folder, read_only=True) as opened:
        development = kind("images").room("development")
        before = development.load(opened, jobs.data)
        changed = development.load(opened, jobs.data.model_copy(update={"relabel": {str(first.row): first.suggested, str(found.doubts[1].row): ""}}))
    place = changed.table["path"].to_list().index(first.cells["path"])
    assert changed.classes == before.classes and changed.classes[changed.y[place]] == first.suggested and len(changed.y) == len(before.y) - 1
