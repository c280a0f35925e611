"""Tables larger than the allowed memory: the split holds a sample, networks train on all rows as they stream, and what streams equals what lies in memory."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, small_config  # noqa: E402

from phasewise import engine  # noqa: E402
from phasewise.engine import Member  # noqa: E402
from phasewise.engine.shards import Shards  # noqa: E402
from phasewise.kinds.shared import memory  # noqa: E402
from phasewise.kinds.tabular import batches, development, large, preparing, profiling, reading, sharding  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.records.errors import BadInputError, StorageError, UsageError  # noqa: E402
from phasewise.records.jobs import DataView, SplitJob  # noqa: E402
from phasewise.worker import hooks  # noqa: E402
from phasewise.worker.bench import open_bench  # noqa: E402
from phasewise.worker.main import run_folder  # noqa: E402

ROWS = 9000
CONFIG = small_config("mlp", epochs=4, batch_size=100)


def table(rows: int = ROWS) -> pl.DataFrame:
    """Nine inputs with gaps, a category of whole and other numbers, and a target that takes more rows to learn than a sample has."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, 7)).astype(np.float32)
    level = rng.integers(0, 4, rows)
    rate = np.where(np.arange(rows) < rows // 2, rng.integers(1, 4, rows), rng.choice([1.0, 2.5, 3.0], rows))  # the first blocks hold whole numbers alone
    score = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.6 * (level > 1) * x[:, 3] + 0.3 * (rate > 2) + 0.3 * rng.normal(size=rows)
    frame = pl.DataFrame({f"f{i}": x[:, i] for i in range(7)}).with_columns(
        pl.when(pl.Series(rng.random(rows) < 0.02)).then(None).otherwise(pl.col("f4")).alias("f4"),
        level=pl.Series(level).replace_strict([0, 1, 2, 3], ["a", "b", "c", "d"]), rate=pl.Series(rate), outcome=pl.Series(np.where(score > 0.2, "yes", "no")),
    )
    return pl.concat([frame, frame.tail(50)])  # 50 exact copies


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("large") / "t.parquet"
    table().write_parquet(path, row_group_size=2000)
    return path


@pytest.fixture(autouse=True)
def _little(monkeypatch):
    monkeypatch.setenv(large.LIMIT, "1")


@pytest.fixture(scope="module")
def jobs(file, tmp_path_factory) -> Jobs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(large.LIMIT, "1")
        made = Jobs(tmp_path_factory.mktemp("p") / "p", file, "outcome", "roc_auc", task="binary", positive="yes", roles={"rate": "category"})
        made.split()
    return made


def bench_of(jobs: Jobs):
    with Project.open(jobs.folder, read_only=True) as project:
        return open_bench(jobs.data, project, "cpu")


def streamed(bench, stage, said: list[str] | None = None):
    return bench.streamed(stage, tell=lambda done, total: None, say=(said if said is not None else []).append)


def test_the_limit_is_the_smaller_of_machine_container_and_process(monkeypatch, tmp_path):
    import resource

    monkeypatch.delenv(large.LIMIT)
    whole = memory.limit(tmp_path)
    assert large.allowed() <= whole // 2
    (tmp_path / "memory.max").write_text(str(3 * 2**30))
    assert memory.limit(tmp_path) == min(whole, 3 * 2**30)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (2**30, 2**30) if which == resource.RLIMIT_DATA else (resource.RLIM_INFINITY,) * 2)
    assert memory.limit(tmp_path) == 2**30
    monkeypatch.setenv(large.LIMIT, "7")
    assert large.allowed() == 7 * 2**20


def test_a_table_that_fits_is_read_whole(file, monkeypatch):
    monkeypatch.setenv(large.LIMIT, "400")
    assert large.opened(file) is None
    assert profiling.profile(DataView(kind="tabular", file=str(file))).rows == ROWS + 50


def test_the_profile_describes_a_sample_and_says_so(file):
    found = profiling.profile(DataView(kind="tabular", file=str(file), target="outcome"))
    assert found.rows == ROWS + 50 and found.columns[0].rows < 2000
    assert sum(b.count for b in found.classes) == ROWS + 50  # the target's classes are counted in all rows
    assert any("random rows" in n and large.LIMIT in n for n in found.notes)


def test_the_split_holds_a_sample_and_copies_stay_together(jobs):
    bench = bench_of(jobs)
    dev, beyond = bench.dev, bench.dev.beyond
    about = dev.split
    assert about["large"]["held"] == len(dev.y) < 2000 and about["parts"]["train"] == beyond.count() > 7500
    assert about["parts"]["test"] <= 0.3 * 1800
    assert np.array_equal(np.flatnonzero(beyond.part == 1), np.sort(dev.rows[dev.validation]))
    assert set(dev.rows[dev.train]) <= set(np.flatnonzero(beyond.part == 0))
    twins = beyond.part[ROWS:], beyond.part[ROWS - 50 : ROWS]
    assert np.array_equal(*twins)
    assert not (jobs.folder / "splits" / "stream.npz").read_bytes() == b"" and bench.training_rows == beyond.count()


def resident(bench, stage):
    """All training rows and the held validation rows in memory, prepared as the stage is, with their row numbers."""
    dev, natural = bench.dev, pl.read_parquet(bench.dev.beyond.source.path).with_row_index("__row__")
    numbers = np.concatenate([np.flatnonzero(dev.beyond.training(0)), dev.rows[dev.validation]])
    _, cast, labels = development.labelled(natural[numbers], dev.beyond.view, dev.classes)
    whole = replace(dev, table=cast, y=labels.y)
    rows = dev.beyond.count()
    return batches.dataset(whole, stage.preparing), torch.arange(rows), torch.arange(rows, len(numbers))


def fitted(bench, stage, data, train, validation, config=CONFIG, **options):
    (found,) = engine.fit([Member(id="m", config=config, seed=3, train=train, validation=validation)], data, stage.info, bench.build, device="cpu", objective="loss", **options).members
    return found


def test_one_window_equals_memory_bit_for_bit(jobs):
    bench = bench_of(jobs)
    bench.dev = replace(bench.dev, beyond=replace(bench.dev.beyond, room=40 * 2**20, key="one-window"))
    (stage,) = bench.stages()
    flow = streamed(bench, stage)
    assert len(flow.spans()) == 1
    a = fitted(bench, stage, flow, torch.from_numpy(stage.train), torch.from_numpy(stage.validation))
    b = fitted(bench, stage, *resident(bench, stage))
    assert all(torch.equal(a.state[k], b.state[k]) for k in b.state) and torch.equal(a.outputs, b.outputs) and a.steps == b.steps
    assert a.curves["validation_loss"] == b.curves["validation_loss"]


def test_several_windows_end_as_near_as_another_seed_and_better_than_the_sample(jobs):
    bench = bench_of(jobs)
    (stage,) = bench.stages()
    flow = streamed(bench, stage)
    assert len(flow.spans()) > 1 and sum(b - a for a, b in flow.spans()) == bench.dev.beyond.count()
    long, seeds = small_config("mlp", epochs=8, batch_size=100), range(6)

    def best(data, train, validation):
        crew = [Member(id=f"m{s}", config=long, seed=s, train=train, validation=validation) for s in seeds]
        return np.array([m.best for m in engine.fit(crew, data, stage.info, bench.build, device="cpu", objective="loss").members])

    held = torch.from_numpy(stage.train), torch.from_numpy(stage.validation)
    a, b, control = best(flow, *held), best(*resident(bench, stage)), best(stage.data, *held)
    error = np.hypot(a.std(ddof=1), b.std(ddof=1)) / np.sqrt(len(seeds))
    assert abs(a.mean() - b.mean()) < 3 * error < control.mean() - a.mean(), (a, b, control)


def test_streamed_rows_are_those_of_the_file(jobs):
    bench = bench_of(jobs)
    (stage,) = bench.stages()
    flow = streamed(bench, stage)
    data, train, _ = resident(bench, stage)
    got = torch.cat([torch.cat([d.inputs["num"], d.inputs["cat"].float(), d.y[:, None].float()], 1).clone() for _, d in flow.windows(0, 1, 0, torch.device("cpu"))])
    want = torch.cat([data.inputs["num"], data.inputs["cat"].float(), data.y[:, None].float()], 1)[train]
    order = lambda x: x[np.lexsort(x.numpy().T)]  # noqa: E731
    assert torch.equal(order(got), order(want))
    assert "2.5" in stage.preparing.levels["rate"] and "1.0" in stage.preparing.levels["rate"]


class Killed(BaseException):
    """Stands for kill -9 at a chosen moment."""


def kill_after_a_checkpoint(monkeypatch, run: Path) -> None:
    real = hooks.EngineHooks.poll

    def poll(self):
        if list((run / "checkpoints").glob("step-*")):
            raise Killed
        return real(self)

    monkeypatch.setattr(hooks.EngineHooks, "poll", poll)


def test_a_killed_fit_goes_on_bit_for_bit(jobs, monkeypatch):
    fields = {"config": small_config("mlp", epochs=14, batch_size=100).model_dump(), "seeds": [0, 1]}
    whole = jobs.prepare("fit", **fields)
    assert run_folder(whole) == 0
    cut = jobs.prepare("fit", **fields)
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        kill_after_a_checkpoint(patch, cut)
        assert run_folder(cut) != 0
    assert list((cut / "checkpoints").glob("step-*"))
    assert run_folder(cut) == 0
    for name in ("model-s0", "model-s1"):
        with np.load(whole / "arrays" / f"{name}.npz") as a, np.load(cut / "arrays" / f"{name}.npz") as b:
            assert np.array_equal(a["proba"], b["proba"])
    found = jobs.result(whole)
    assert found["plan"]["stream"]["rows"] > 7500 and any("streamed from disk" in n and large.LIMIT in n for n in found["notes"])


def test_damaged_and_missing_shards_are_said_and_prepared_again(jobs):
    bench = bench_of(jobs)
    (stage,) = bench.stages()
    flow = streamed(bench, stage)
    folder = Path(str(flow.shards.arrays["num"].filename)).parent
    whole = (folder / "num.bin").read_bytes()
    (folder / "num.bin").write_bytes(whole[: len(whole) // 2])  # cut short: met when it is opened
    said: list[str] = []
    streamed(again := bench_of(jobs), again.stages()[0], said)
    assert said and "prepared again" in said[0] and (folder / "num.bin").read_bytes() == whole
    (folder / "cat.bin").unlink()
    streamed(again := bench_of(jobs), again.stages()[0], said)
    assert len(said) == 2 and (folder / "cat.bin").is_file()
    with (folder / "num.bin").open("r+b") as f:  # other bytes of the same length: met when the window is read
        f.seek(4000)
        f.write(b"\x00\x00\x80\x7f" * 3)
    found = Shards.open(folder)
    with pytest.raises(StorageError, match="damaged"):
        found.read(*found.spans[0], torch.device("cpu"))
    streamed(again := bench_of(jobs), again.stages()[0], said)
    assert (folder / "num.bin").read_bytes() == whole and len(said) == 3
    flow = streamed(again := bench_of(jobs), again.stages()[0], said)
    (folder / "num.bin").unlink()  # gone while a run reads it
    with pytest.raises(StorageError, match="cannot be read"):
        list(flow.windows(0, 100, 0, torch.device("cpu")))
    assert len(said) == 3


def test_the_cache_keeps_the_newest_and_a_run_makes_anew_what_it_lost(jobs, monkeypatch):
    monkeypatch.setattr(sharding, "KEPT", 2)
    bench = bench_of(jobs)
    stages = [bench.stages({"numbers": how})[0] for how in ("standard", "robust", "none")]
    flows = [streamed(bench, s) for s in stages]
    assert [f.shards.present() for f in flows] == [False, True, True]
    assert streamed(bench, stages[0]).shards.present() and streamed(bench, stages[2]) is flows[2]


def test_a_search_with_halving_streams_and_over_sampling_falls_back_and_says_so(jobs):
    found = jobs.run("search", config=CONFIG.model_dump(), space={"train.lr": {"kind": "log", "low": 1e-3, "high": 3e-2}}, trials=5, halving=True)
    assert found.plan["stream"]["windows"] > 1 and {t.state for t in found.trials} >= {"halved", "finished"}
    over = jobs.run("fit", config=small_config(epochs=2, sampling="over").model_dump(), seeds=[0])
    assert "stream" not in over.plan and any("cannot be done as rows stream" in n and "class weights" in n for n in over.notes)
    balanced = jobs.run("fit", config=small_config(epochs=2, class_weights="balanced").model_dump(), seeds=[0])
    assert balanced.plan["stream"]["rows"] > 7500


def test_baselines_learn_from_the_sample_and_the_vault_opens(jobs):
    found = jobs.run("baselines", phase="baseline", models=["dummy", "linear"], seed=0)
    assert any("in memory" in n and large.LIMIT in n for n in found.notes)
    fit = jobs.run("fit", config=CONFIG.model_dump(), seeds=[0])
    looked = jobs.run("open_vault", phase="verify", model=fit.model.ref, freeze="x" * 16, claim="target", target=0.6, reason="a test", evaluations=1)
    assert looked.test.n > 300 and looked.test.value > 0.7


def test_folds_stream_each_their_own_rows(file, tmp_path):
    made = Jobs(tmp_path / "p", file, "outcome", "roc_auc", task="binary", positive="yes")
    made.split(folds=3)
    found = made.run("fit", config=CONFIG.model_dump(), seeds=[0])
    assert found.plan["stream"]["rows"] < 7000 and len(found.model.validation.folds) == 3
    bench = bench_of(made)
    counts = [bench.dev.beyond.count(k) for k in range(3)]
    assert sum(counts) == 2 * sum((bench.dev.beyond.folds == k).sum() for k in range(3))


def test_a_regression_streams(file, tmp_path):
    made = Jobs(tmp_path / "p", file, "f0", "rmse", task="regression")
    made.split()
    assert made.run("fit", config=CONFIG.model_dump(), seeds=[0]).plan["stream"]["rows"] > 7500


def test_a_test_file_of_its_own_is_refused_with_a_remedy(file):
    from phasewise.kinds.tabular import splitting

    job = SplitJob(phase="data", data=DataView(kind="tabular", file=str(file), target="outcome"), policy="stratified", test_file=str(file))
    with pytest.raises(UsageError, match="test file") as caught:
        splitting.read_table(job)
    assert large.LIMIT in caught.value.remedy


def test_preparing_is_fitted_on_held_training_rows_only(jobs):
    bench = bench_of(jobs)
    with pytest.raises(UsageError, match="training rows only"):
        preparing.fit(bench.dev, bench.dev.validation, bench.dev.beyond.view)


def test_predictions_of_a_large_file_are_those_of_the_same_file_in_memory(jobs, file, tmp_path, monkeypatch):
    from phasewise.kinds.tabular import answering, predictor

    fit = jobs.run("fit", config=CONFIG.model_dump(), seeds=[0])
    run, _, name = fit.model.ref.partition("/")
    model = predictor.load(jobs.folder / "runs" / run / "models" / name)
    found = answering.answer_file(model, file, tmp_path / "streamed.csv")
    monkeypatch.setenv(large.LIMIT, "400")
    answering.answer_file(model, file, tmp_path / "whole.csv")
    a, b = (pl.read_csv(tmp_path / f"{n}.csv") for n in ("streamed", "whole"))
    assert found.rows == ROWS + 50 and a.columns == b.columns and a["row"].equals(b["row"])
    assert np.allclose(a["p(yes)"], b["p(yes)"], atol=1e-5) and (a["prediction"] == b["prediction"]).mean() > 0.999
    assert sorted(p.name for p in tmp_path.iterdir()) == ["streamed.csv", "whole.csv"]


def test_what_needs_all_rows_in_memory_is_refused_or_takes_the_sample(jobs, file):
    from phasewise.kinds.tabular import renewing, scripting
    from phasewise.records.errors import GateError
    from phasewise.records.jobs import RenewJob
    from phasewise.worker.feeding import appended

    assert "streamed from disk" in scripting.why_not(CONFIG, {"stream": {"rows": 1}})
    bench = bench_of(jobs)
    fed = appended(bench, [bench.dev.table[:40]], [bench.dev.y[:40]])
    assert not fed.streams(CONFIG) and fed.training_rows == len(bench.dev.train) + 40
    with Project.open(jobs.folder, read_only=True) as project, pytest.raises(GateError, match="larger than memory"):
        renewing.renew(project, RenewJob(phase="verify", data=jobs.data, file=str(file), reason="a test", generation=2), lambda *_, **__: None)


def test_a_csv_larger_than_memory_goes_the_same_way(tmp_path):
    path, frame = tmp_path / "t.csv", table().with_columns(note=pl.lit('a "quoted",\nline'), count=pl.int_range(pl.len()) % 7)
    frame.write_csv(path)
    source = large.opened(path)
    whole = reading.read_raw(DataView(kind="tabular", file=str(path))).frame
    assert source is not None and source.rows == whole.height
    assert pl.concat(source.blocks(large.allowed())).equals(whole)
    made = Jobs(tmp_path / "p", path, "outcome", "roc_auc", task="binary", positive="yes", roles={"rate": "category", "note": "ignore"})
    made.split()
    assert made.run("fit", config=CONFIG.model_dump(), seeds=[0]).plan["stream"]["rows"] > 7500
    with path.open("a") as f:
        f.write("1,2,3\n")
    with pytest.raises(BadInputError, match="different length") as caught:
        large.opened(path)
    assert "row" in caught.value.cause
