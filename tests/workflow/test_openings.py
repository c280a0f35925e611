"""Before a look: what it can show, a new reason each time, no fourth; after new sets: counts start again (7.4, 7.7, 7.8)."""

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.records.jobs import RenewJob
from phasewise.records.results import RenewResult
from phasewise.stats import optimism, power
from phasewise.workflow import foresight, renewing
from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner
from workflow.test_walkthrough import walk


def look(session):
    session.start(session.next_job("verify"))
    session.poll()


def test_the_formulas_are_those_of_stats():
    for k in (1, 2, 7, 100):
        assert foresight.best_of(k, 0.02) == pytest.approx(optimism.best_of_k(k, 0.02))
    for expected, level in ((0.9, 0.95), (0.8, 0.975), (0.7, 0.95)):
        assert foresight.chance_to_confirm(expected - 0.8, 0.03, level) == pytest.approx(power.chance_to_confirm(expected, 0.8, 0.03, level=level), abs=1e-12)


def test_a_look_is_foretold_and_every_later_one_needs_a_reason_of_its_own(make):
    session = make()
    walk(session, until="strengthen")
    seen = foresight.read(session.view)
    assert seen.look == 1 and seen.level == 0.95 and any("look 1 of at most 3" in s for _, s in foresight.told(seen))
    job = session.next_job("verify")
    assert job.expected == seen.corrected and job.foreseen == (seen.low, seen.high), "what the person is told is what the verdict is measured by"
    v = session.view.current("baselines").models[0].validation
    assert seen.high - seen.low > v.high - v.low and seen.low < seen.corrected < seen.high
    said = " ".join(s for _, s in foresight.told(seen, brief=True))
    assert f"{seen.corrected:.4g}, with 95 % between {seen.low:.4g} and {seen.high:.4g}" in said
    why = session.answers.recommendation("verify", "predicted")
    assert f"{seen.low:.4g} and {seen.high:.4g}" in why.reason
    look(session)
    session.answers.set("verify", "margin", 0.01)
    assert [p.field for p in session.problems("verify")] == ["reason"] and "opened once" in session.problems("verify")[0].message
    session.answers.set("verify", "reason", "the margin was forgotten")
    assert not session.problems("verify") and foresight.read(session.view).level == pytest.approx(0.975)
    look(session)
    session.answers.set("verify", "margin", 0.02)
    assert "earlier look" in session.problems("verify")[0].message
    session.answers.set("verify", "reason", "the client asks for two points")
    look(session)
    assert len(session.facts.looks_now) == 3
    session.answers.set("verify", "margin", 0.03)
    session.answers.set("verify", "reason", "three points then")
    wrong = session.problems("verify")
    assert len(wrong) == 1 and "3 looks were taken" in wrong[0].message and "vault renew" in wrong[0].remedy
    assert session.next_job("verify") is None


def test_a_changed_split_after_a_look_is_no_new_generation(make):
    session = make()
    walk(session, until="strengthen")
    look(session)
    session.answers.set("data", "seed", 7)
    job = session.next_job("data")
    assert job.kind == "split" and job.generation == 1, "the vault refuses it: choosing among splits after a look is no fresh data"


def test_new_sets_are_made_only_after_a_look_and_change_answers_and_counts(make, tmp_path):
    session = make()
    field = tmp_path / "field.csv"
    field.write_text("age,town,label,other\n5,a,yes,no\n")
    with pytest.raises(GateError, match="nothing is sealed"):
        renewing.job(session, str(field), "field disagrees")
    walk(session, until="strengthen")
    with pytest.raises(GateError, match="not opened yet"):
        renewing.job(session, str(field), "field disagrees")
    look(session)
    with pytest.raises(UsageError, match="a reason"):
        renewing.job(session, str(field), " ")
    session.answers.set("field", "files", [str(field), "other.csv"])
    session.answers.set("verify", "reason", "an old reason")
    session.take("label", {"row": 4, "decision": "relabel", "label": "no", "given": "yes", "suggested": "no", "confidence": 0.9, "file": session.view.files.identity(session.view.value("data.file"))})
    session.answers.set("data", "relabel", {"4": "no"})
    job = renewing.job(session, str(field), "field disagrees")
    assert isinstance(job, RenewJob) and job.generation == 2
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "generation-2.parquet").write_text("new")
    result = RenewResult(generation=2, file="data/generation-2.parquet", parts_file="data/generation-2-parts.csv", rows={"train": 1, "validation": 1, "test": 1, "old_test": 1}, reason=job.reason)
    renewing.take(session, "r-1", job, result)
    assert session.answers.value("data", "file") == "data/generation-2.parquet" and session.answers.value("data", "policy") == "file"
    assert session.answers.value("field", "files") == ["other.csv"] and not session.answers.value("verify", "reason")
    assert session.facts.generation == 2 and session.facts.looks_now == [] and len(session.looks()) == 1
    from phasewise.workflow.labelling import fixes

    assert fixes(session.view) == {"4": "no"}
    again = Session(session.project, runner=FakeRunner(), clock=Clock(), recipes=lambda _: FakeRecipe())
    assert again.facts.generation == 2
    while (job := again.next_job("data")) is not None and job.kind == "profile":
        again.start(job)
        again.poll()
    assert again.next_job("data").generation == 2
