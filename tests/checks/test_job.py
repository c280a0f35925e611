"""The checks job on a split project: development rows only, named checks, cancel, remedies that replay."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from planted_bases import made

from phasewise.checks import remedies
from phasewise.kinds.registry import kind
from phasewise.project.folder import Project
from phasewise.records.errors import UsageError
from phasewise.records.jobs import ChecksJob, DataView, SplitJob
from phasewise.worker.jobs import checks


@pytest.fixture
def split(tmp_path):
    frame = made("binary", n=900).frame.with_columns(pl.lit("same").alias("fixed"), pl.Series("x1", np.where(np.arange(900) % 40 == 0, -999.0, made("binary", n=900).frame["x1"].to_numpy())))
    frame.write_csv(tmp_path / "data.csv")
    project = Project.create(tmp_path / "p", "p")
    view = DataView(kind="tabular", file=str(tmp_path / "data.csv"), target="target", task="binary")
    kind("tabular").room("splitting").split(project, SplitJob(phase="data", data=view, policy="stratified"), lambda *a, **k: None)
    said = []
    ctx = SimpleNamespace(
        project=project, started=lambda *a: None, progress=lambda *a, **k: None, control=SimpleNamespace(poll=lambda: None, stop=None),
        finding=lambda *a: said.append(a), log=lambda *a: None,
    )
    return ctx, view, said


def test_it_runs_on_development_rows_without_the_vault_and_its_remedies_replay(split):
    ctx, view, said = split
    (ctx.project.path / "vault").rename(ctx.project.path / "away")
    result = checks.run(ctx, ChecksJob(phase="data", data=view))
    assert 0 < result.rows < 900 and [c for c in result.coverage if c.state == "failed"] == []
    found = {f.id: f for f in result.findings}
    assert {"constant-column:fixed", "sentinel-values:x1"} <= set(found) and {s[0] for s in said} >= {"sentinel-values:x1"}
    chosen = {i: found[i].recommended().spelled for i in ("sentinel-values:x1",)}
    again = checks.run(ctx, ChecksJob(phase="data", data=view.model_copy(update={"remedies": chosen})))
    assert not {f.id for f in again.findings} & set(chosen)
    assert remedies.parse(chosen["sentinel-values:x1"])[1] == {"values": [-999]}


def test_named_checks_and_unknown_names_and_stop(split):
    ctx, view, _ = split
    assert [c.check for c in checks.run(ctx, ChecksJob(phase="data", data=view, only=["imbalance"])).coverage] == ["imbalance"]
    with pytest.raises(UsageError, match="unknown check"):
        checks.run(ctx, ChecksJob(phase="data", data=view, only=["imbalanse"]))
    ctx.control.stop = "now"
    assert all(c.state == "skipped" for c in checks.run(ctx, ChecksJob(phase="data", data=view)).coverage)
