"""Versions of the model in service: what a feed promotes, what a person puts back, and what joins the pool (X14)."""

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.records.results import FeedResult
from phasewise.workflow import feeding
from workflow.test_loop import trained

SCORE = {"metric": "roc_auc", "value": 0.9, "low": 0.88, "high": 0.92, "n": 100}


def fed(session, job, promoted):
    """What the worker's result of a feed writes into the journal."""
    run = session.project.runs.create(job)
    row = {"name": "x", "value": 0.9, "difference": 0.02, "low": 0.01, "high": 0.03}
    model = {"ref": f"{run.id}/candidate", "name": "candidate", "family": "mlp", "validation": SCORE}
    result = FeedResult.model_validate({"name": job.name, "file": job.name, "rows": 9, "fresh": 9, "trained": 6, "held": 3, "old": row, "new": row, "incumbent_old": SCORE, "incumbent_new": SCORE, "promoted": promoted, "reason": "because", "model": model})
    session.take("evidence", {"job": "feed", "slot": f"feed:{job.name}", "run": run.id, "phase": "field", "title": "", "inputs": job.inputs, "result": result.model_dump(mode="json"), "seconds": 1.0, "environment": {}})
    if promoted:
        session.take("version", {"model": model["ref"], "before": job.model, "run": run.id, "name": job.name, "reason": "because", "why": "promoted"})
    return model["ref"]


def test_versions_pools_and_putting_back(make, tmp_path):
    session = trained(make)
    first = feeding.deployed(session.view)
    with pytest.raises(GateError, match="no earlier version"):
        feeding.put_back(session, "a reason")
    files = [tmp_path / f"{n}.csv" for n in ("a", "b", "c")]
    for i, file in enumerate(files):
        file.write_text(f"x,y\n{i},1\n")
    job = feeding.job(session, str(files[0]))
    assert job.model == first and job.earlier == [] and job.name == "a"
    fed(session, job, promoted=False)
    assert feeding.deployed(session.view) == first and [v.why for v in feeding.versions(session.view)] == ["candidate"]
    with pytest.raises(UsageError, match="fed to this model before"):
        feeding.job(session, str(files[0]))
    second = fed(session, feeding.job(session, str(files[1])), promoted=True)
    assert feeding.deployed(session.view) == second
    again = feeding.job(session, str(files[2]))
    assert again.model == second and again.earlier == [str(files[1])]  # the refused file is in no pool
    third = fed(session, again, promoted=True)
    assert feeding.pool(session, third) == [str(files[1]), str(files[2])]
    assert feeding.put_back(session, "users complained") == second
    known = feeding.versions(session.view)
    assert [v.model for v in known] == [first, second, third, second] and known[-1].why == "put back" and known[-1].reason == "users complained"
    assert feeding.pool(session, second) == [str(files[1])]
    files[1].unlink()
    (tmp_path / "d.csv").write_text("x,y\n3,1\n")
    with pytest.raises(UsageError, match="is gone"):
        feeding.job(session, str(tmp_path / "d.csv"))


def test_pictures_are_told_what_to_do_instead(make, tmp_path):
    session = trained(make)
    session.answers.set("data", "kind", "images")
    with pytest.raises(UsageError, match="only tables can be fed") as caught:
        feeding.job(session, str(tmp_path))
    assert "--reopen data=REASON" in caught.value.remedy
