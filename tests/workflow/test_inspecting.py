"""Inspection closes the tune phase; prune rounds take away what no longer pays."""

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.workflow import inspecting, loop
from phasewise.workflow.drive import Drive
from workflow.fakes import World
from workflow.test_loop import trained, work


def rounds(session):
    """Work the loop up to its inspection."""
    while (job := session.next_job("tune")).kind != "inspect":
        session.start(job)
        session.poll()


def test_the_tune_phase_ends_with_one_inspection_of_the_model_it_ends_with(make):
    session = trained(make)
    rounds(session)
    job = session.next_job("tune")
    assert job.kind == "inspect" and job.model == inspecting.subject(session.view).ref and job.parts == list(inspecting.CHEAP)
    session.start(job)
    session.poll()
    assert session.next_job("tune") is None and session.slots()[-1] == f"inspect:{job.model}"
    session.confirm("tune")
    assert session.state()["tune"].state == "done"


def test_no_inspection_where_nobody_wants_one(make):
    session = trained(make)
    rounds(session)
    session.answers.set("tune", "inspect", False)
    assert session.next_job("tune") is None


def test_a_better_candidate_is_inspected_anew_and_fewer_parts_are_not_enough(make):
    session = trained(make)
    rounds(session)
    ref, digest = inspecting.resolve(session, None)
    session.start(inspecting.job(session.view, ref, parts=("slices",), digest=digest))
    session.poll()
    assert session.next_job("tune").kind == "inspect"
    assert inspecting.known(session.view, ref, digest, ("slices",)) is not None
    assert inspecting.known(session.view, ref, "other files", ("slices",)) is None


def test_the_baseline_can_be_inspected_when_no_network_is_needed(make):
    session = make(World(need="no"))
    drive = Drive(session=session, yes=True, sleep=lambda _: None)
    drive.through(["goals", "data", "approach", "baseline"])
    assert session.state()["tune"].state == "skipped"
    ref, digest = inspecting.resolve(session, None)
    assert ref.endswith("/trees")
    found = drive.work(inspecting.job(session.view, ref, digest=digest, phase="baseline"))
    assert found.result.model == ref and found.slot == f"inspect:{ref}"


def test_models_are_named_by_run_and_name(make):
    session = trained(make)
    fit = next(r.id for r in session.runs() if r.id.endswith("fit"))
    assert inspecting.resolve(session, fit) == inspecting.resolve(session, f"{fit}/net") == (f"{fit}/net", f"sha-{fit}/net")
    for odd in ("nothing", f"{fit}/other", f"{fit}/../x", f"{fit}/a/b"):
        with pytest.raises(UsageError):
            inspecting.resolve(session, odd)
    with pytest.raises(UsageError, match="unknown part"):
        inspecting.job(session.view, f"{fit}/net", parts=("slics",))


def test_nothing_to_inspect_or_ablate_before_there_is_a_model(make):
    session = make()
    for call in (lambda: inspecting.resolve(session, None), lambda: inspecting.ablation(session), session.ideas.prune_job):
        with pytest.raises(GateError):
            call()


def test_an_ablation_takes_one_setting_at_a_time_away(make):
    session = trained(make)
    job = inspecting.ablation(session)
    assert job.components and all(len(c.change) == 1 for c in job.components) and not job.prune
    own = inspecting.ablation(session, [{"train.lr": "/2"}])
    assert own.components[0].change == {"train.lr": own.config.train.lr / 2}
    before = loop.read(session.view).incumbent.ref
    session.start(job)
    session.poll()
    assert loop.read(session.view).incumbent.ref == before  # an ablation changes nothing by itself


def test_a_prune_round_removes_noise_from_the_incumbent_and_the_log_says_so(make):
    session = trained(make, World(step=0.01), budget_trials=12)
    work(session)
    state = loop.read(session.view)
    assert len(state.adopted) >= 2
    job = session.ideas.prune_job()
    assert job.prune and [c.id for c in job.components] == state.adopted
    session.start(job)
    session.poll()
    after = loop.read(session.view)
    assert after.adopted == state.adopted[:1] and after.incumbent.ref.endswith("/pruned") and not loop.prune_due(after)
    gone = session.ideas.get(state.adopted[1])
    assert gone.status == "no_gain" and not gone.outcome.adopted and "taken away again" in gone.outcome.reason
    assert any("stays" in text for _, _, text in session.facts.notes)


def test_status_asks_for_a_prune_round_when_it_is_due(make, monkeypatch):
    session = trained(make)
    session.start(session.next_job("tune"))
    session.poll()
    assert "prune" not in session.status().next["command"]
    monkeypatch.setattr(loop, "PRUNE_AFTER", 1)
    assert session.ideas.prune_due() and session.status().next["command"] == "phasewise ideas prune"
