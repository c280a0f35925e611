"""Samples are the data scikit-learn ships, cell by cell, and the package is not imported for them."""

import csv

import numpy as np
import pytest

from phasewise.cli import samples


@pytest.mark.parametrize(("name", "loader"), [("breast_cancer", "load_breast_cancer"), ("wine", "load_wine"), ("iris", "load_iris")])
def test_class_samples_equal_scikit_learn(tmp_path, name, loader):
    from sklearn import datasets

    bundle = getattr(datasets, loader)()
    file, target = samples.write(name, tmp_path)
    rows = list(csv.DictReader(file.open()))
    assert [list(map(str, bundle.feature_names)), target] == [list(rows[0])[:-1], list(rows[0])[-1]]
    assert np.array([[float(v) for v in list(r.values())[:-1]] for r in rows]) == pytest.approx(bundle.data)
    assert [r[target] for r in rows] == [str(bundle.target_names[t]) for t in bundle.target]


def test_diabetes_equals_the_unscaled_set(tmp_path):
    from sklearn.datasets import load_diabetes

    bundle = load_diabetes(scaled=False)
    file, target = samples.write("diabetes", tmp_path)
    rows = list(csv.DictReader(file.open()))
    assert np.array([[float(r[n]) for n in bundle.feature_names] for r in rows]) == pytest.approx(bundle.data)
    assert np.array([float(r[target]) for r in rows]) == pytest.approx(bundle.target)


def test_digits_as_a_table_and_as_pictures(tmp_path):
    from sklearn.datasets import load_digits

    bundle = load_digits()
    file, target = samples.write("digits", tmp_path)
    rows = list(csv.reader(file.open()))[1:]
    assert np.array(rows, dtype=float)[:, :64] == pytest.approx(bundle.data)
    Image = pytest.importorskip("PIL.Image")
    folder, none = samples.write("digit-pictures", tmp_path)
    assert none == "" and sorted(p.name for p in folder.iterdir()) == [str(d) for d in range(10)]
    first = np.asarray(Image.open(folder / str(bundle.target[0]) / "0000.png"))
    assert (first == np.minimum(bundle.images[0] * 16, 255)).all()
