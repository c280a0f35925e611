"""One whole project through its handlers: split, baselines, finder, fit, combine, the vault, field data (the thin slice)."""

import math
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

CONFIG = small_config(epochs=15)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("slice")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv"), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


@pytest.fixture(scope="module")
def baselines(jobs):
    return jobs.run("baselines", models=["dummy", "linear", "trees"])


@pytest.fixture(scope="module")
def fitted(jobs, baselines):
    return jobs.run("fit", config=CONFIG.model_dump(), seeds=[0, 1], goal=0.95)


def test_finder_gives_a_rate_and_a_band(jobs):
    found = jobs.run("find_lr", config=CONFIG.model_dump(), sweeps=3)
    assert found.chosen and 1e-4 < found.chosen < 5
    assert {s.name for s in found.suggestions} == {"phasewise", "valley", "slide", "steep", "minimum", "race"}
    race = next(s for s in found.suggestions if s.name == "race")
    assert found.chosen == race.lr and race.note.count(": ") == 8, "seven rates with their losses"
    own = next(s.lr for s in found.suggestions if s.name == "phasewise")
    assert found.cycle[0] < own < found.cycle[1] and 3 <= found.cycle[1] / found.cycle[0] <= 10, "T16"
    assert all(a <= b <= c for a, b, c in zip(found.low, found.losses, found.high, strict=True))


def test_where_a_rate_is_known_no_race_is_run(jobs):
    found = jobs.run("find_lr", config=CONFIG.model_dump(), sweeps=2, usual=1e-3)
    assert "race" not in {s.name for s in found.suggestions}
    assert found.chosen == next(s.lr for s in found.suggestions if s.name == "phasewise")


def test_fit_scores_saves_and_diagnoses(jobs, fitted):
    from phasewise.kinds.tabular import predictor
    from phasewise.worker import arrays

    model = fitted.model
    assert model.validation.value > 0.85 and model.validation.low < model.validation.value < model.validation.high
    assert model.parameters and model.size_mb and model.latency_ms and len(model.digest) == 64
    assert len(fitted.members) == 2 and fitted.diagnosis.goal_error == pytest.approx(0.05)
    run, name = model.ref.split("/")
    held = arrays.load(jobs.folder / "runs" / run / "arrays", name)
    assert held.predictions.labels().tolist() and (held.predictions.labels() == held.y).mean() == pytest.approx(model.validation.value)
    loaded = predictor.load(jobs.folder / "runs" / run / "models" / name)
    assert loaded.card["metric"] == "accuracy"
    assert list((jobs.folder / "runs" / run).glob("events.out.tfevents.*"))


def test_training_never_needs_the_vault(jobs, fitted, tmp_path):
    away = tmp_path / "vault"
    shutil.move(jobs.folder / "vault", away)
    try:
        again = jobs.run("fit", config=CONFIG.model_dump(), seeds=[0], goal=0.95)
    finally:
        shutil.move(away, jobs.folder / "vault")
    assert again.model.validation.value == next(m for m in fitted.members if m.seed == 0).validation.value


def test_combine_says_whether_there_is_a_gain(jobs, baselines, fitted):
    found = jobs.run("combine", phase="strengthen", config=CONFIG.model_dump(), members=3, models=[m.ref for m in baselines.models if m.family != "dummy"])
    assert len(found.singles) == len(baselines.models) - 1 + 3 and {m.name for m in found.ensembles} == {"average", "weighted", "vote"}
    assert sum(found.weights.values()) == pytest.approx(1)
    kept = [jobs.folder / "runs" / m.ref.replace("/", "/models/") / "model.safetensors" for m in found.singles if m.source == "network"]
    assert len({path.read_bytes() for path in kept}) == 3, "members differ by their initial weights and order"
    assert (found.best.source == "ensemble") == (found.low > 0)
    assert any("noise" in n for n in found.notes)


def test_one_look_is_counted_judged_and_gives_aggregates_only(jobs, baselines, fitted):
    model = fitted.model
    common = {"phase": "verify", "model": model.ref, "baselines": [m.ref for m in baselines.models], "target": 0.8, "predicted": 0.9, "evaluations": 7}
    look = jobs.run("open_vault", freeze="f1", **common)
    assert look.looks == 1 and look.level == 0.95 and look.rows > 100
    assert look.verdict in ("confirmed", "undecided") and look.test.low <= look.test.value <= look.test.high
    assert look.corrected < look.validation.value and math.isfinite(look.z) and 0 <= look.power <= 1
    assert {p.name for p in look.paired} == {m.name for m in baselines.models}
    dummy = next(p for p in look.paired if p.name == "dummy")
    assert dummy.difference == pytest.approx(look.test.value - dummy.value) and dummy.low > 0
    assert sum(map(sum, look.confusion["counts"])) == look.rows
    jobs.run("open_vault", code=3, freeze="f2", **common)
    second = jobs.run("open_vault", freeze="f2", reason="a bug in the claim was corrected", **common)
    assert second.looks == 2 and second.level == pytest.approx(0.975) and "no longer unseen" in second.warning
    assert second.test.high - second.test.low > look.test.high - look.test.low
    kept = [p for p in (jobs.folder / "runs").rglob("*.npz") if "open_vault" in str(p)]
    assert kept == []


def test_field_rows_and_export_end_the_slice(jobs, fitted, tmp_path):
    profile = jobs.run("profile", phase="data")
    assert profile.rows == 1500 and profile.task == "binary"
    field = jobs.run("field", phase="field", model=fitted.model.ref, file=str(moons_csv(tmp_path / "new.csv", rows=400, noise=0.3)), name="new", target=0.8)
    assert field.rows == 400 and field.score is not None and field.loop in ("none", "new_sets", "reweigh")
    out = jobs.run("export", phase="ship", model=fitted.model.ref, formats=["bundle"], output="export")
    assert out.files[0].ok and (jobs.folder / out.files[0].path).exists()


def test_the_same_fit_in_a_process_of_its_own_gives_the_same_bits(jobs, fitted):
    import os
    import subprocess

    import numpy as np

    path = jobs.prepare("fit", config=CONFIG.model_dump(), seeds=[0, 1], goal=0.95)
    done = subprocess.run([sys.executable, "-P", "-m", "phasewise.worker", str(path)], env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    here = jobs.folder / "runs" / fitted.model.ref.split("/")[0]
    for name in ("model-s0", "model-s1"):
        with np.load(here / "arrays" / f"{name}.npz") as a, np.load(path / "arrays" / f"{name}.npz") as b:
            assert np.array_equal(a["proba"], b["proba"]) and np.array_equal(a["rows"], b["rows"])
