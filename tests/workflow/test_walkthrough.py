"""The whole flow by hand over the fake runner: every phase opens the next one."""

from phasewise.records.phases import PHASES
from phasewise.workflow.remedies import recommended
from workflow.fakes import World


def walk(session, *, until="ship", limit=80):
    """Do what the session says comes next; overrides gates with a reason."""
    for _ in range(limit):
        state = session.state()
        phase = state.phase
        if PHASES.index(phase) > PHASES.index(until) or state[phase].state == "done":
            return state
        job = session.next_job(phase)
        if job is not None:
            session.start(job)
            session.poll()
            continue
        answers = recommended(session.view)
        for finding, action in answers.items():
            session.remedy(finding, action)
        if answers:
            continue
        shut = [g for g in session.gate(phase) if not g.ok]
        if phase == "field" and shut:
            session.skip(phase, "no new rows")
            continue
        for item in shut:
            session.override(phase, item.id, "the test says so")
        session.confirm(phase)
    raise AssertionError(f"no end in sight: {session.state()}")


def test_every_phase_opens_the_next_one(make):
    session = make()
    state = walk(session)
    assert {p.id: p.state for p in state.phases} == {p: "skipped" if p == "field" else "done" for p in PHASES}
    assert session.runner.started[:7] == ["profile", "split", "checks", "baselines", "checkup", "find_lr", "fit"]
    assert session.status().test["looks"] == 1


def test_when_no_network_is_needed_the_best_baseline_goes_all_the_way(make):
    session = make(World(need="no", best_baseline=0.95, test=0.94))
    state = walk(session)
    for phase in ("train", "tune", "strengthen"):
        assert state[phase].state == "skipped"
        assert "already reaches the goal" in state[phase].summary
    assert "fit" not in session.runner.started
    assert session.status().candidate["source"] == "baseline"
    job = next(j for j in session.runner.jobs if j.kind == "open_vault")
    assert job.model.endswith("/trees")


def test_a_written_reason_opens_the_door_to_networks_all_the_same(make):
    session = make(World(need="no", best_baseline=0.95))
    walk(session, until="baseline")
    session.answers.set("baseline", "go_on_reason", "we need the embeddings", source="typed")
    session.confirm("baseline")
    assert session.state().phase == "train"
    assert session.next_job("train").kind == "find_lr"
