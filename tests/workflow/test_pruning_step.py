"""Making a network smaller is a step of strengthen: its evidence goes where the step looks, and folds are said before a job fails (X10)."""

from types import SimpleNamespace

import pytest

from phasewise.records.jobs import DataView, PruneJob
from phasewise.workflow.evidence import slot_of
from phasewise.workflow.phases import strengthen


def test_the_evidence_of_pruning_goes_to_its_step():
    job = PruneJob(phase="strengthen", data=DataView(kind="images", file="d", target="label"), model="0008-fit/model")
    assert slot_of(job) == strengthen.PRUNE.slot == "prune"


@pytest.mark.parametrize(("folds", "asked", "problems"), [(5, True, ["prune"]), (0, True, []), (5, False, [])])
def test_an_average_over_folds_cannot_be_pruned_and_that_is_said(monkeypatch, folds, asked, problems):
    monkeypatch.setattr(strengthen, "wanted", lambda view: True)
    answers = {"strengthen.do": True, "strengthen.prune": asked, "data.folds": folds}
    found = strengthen.Strengthen().problems(SimpleNamespace(value=answers.get))
    assert [p.field for p in found] == problems
