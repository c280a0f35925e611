"""The headless loop: exit codes, interruption and resume, what --yes does and does not do."""

import pytest

from phasewise.records.errors import GateError, RunError, UsageError
from phasewise.records.phases import PHASES
from phasewise.workflow import drive
from phasewise.workflow.drive import Drive
from workflow.fakes import World


def go(session, through="ship", **more):
    events = []
    more = {"yes": True, "sleep": lambda _: None, **more}
    drive.run(session, drive.upto(through), on_event=events.append, **more)
    return events


def test_yes_goes_all_the_way_when_the_goal_holds(make):
    session = make(World(need="no", best_baseline=0.95, test=0.94))
    events = go(session)
    assert {p.id: p.state for p in session.state().phases}["verify"] == "done"
    said = [e for e in events if isinstance(e, dict)]
    assert [e["phase"] for e in said if e["state"] in ("done", "skipped")] == list(PHASES)
    assert session.answers.value("data", "remedies") == {"duplicates": "drop-rows"}, "recommended remedies are accepted"


def test_a_second_passage_does_nothing(make):
    session = make(World(need="no", best_baseline=0.95, test=0.94))
    go(session)
    runs = len(session.runs())
    go(session)
    assert len(session.runs()) == runs


def test_a_missed_goal_ends_with_the_gate_code(make):
    session = make(World(test=0.6))
    session.answers.set("goals", "target", 0.9)
    with pytest.raises(GateError) as caught:
        go(session)
    assert caught.value.exit_code == 3
    assert "--override verify:goal-held=REASON" in caught.value.remedy


def test_without_yes_every_missing_answer_is_named(make):
    with pytest.raises(UsageError) as caught:
        go(make(), yes=False)
    assert caught.value.exit_code == 2
    for key in ("goals.metric", "goals.target"):
        assert key in caught.value.cause and f"--set {key}=" in caught.value.remedy


def test_without_yes_the_vault_stays_shut(make):
    session = make(World(need="no", best_baseline=0.95))
    go(session, "strengthen")
    for name in ("candidate", "claim", "predicted"):
        session.answers.set("verify", name, session.answers.value("verify", name))
    with pytest.raises(UsageError, match="vault stays shut"):
        go(session, "verify", yes=False)
    assert "open_vault" not in session.runner.started


def test_a_phase_out_of_reach_says_what_comes_first(make):
    session = make()
    with pytest.raises(GateError, match="locked"):
        drive.run(session, ["train"], yes=True, sleep=lambda _: None)


def test_a_failed_job_is_an_error_and_the_next_try_starts_anew(make):
    session = make()
    session.runner.mode = "failed"
    with pytest.raises(RunError) as caught:
        go(session)
    assert caught.value.exit_code == 1
    session.runner.mode = "finish"
    go(session, "data")
    assert session.state()["data"].state == "done"


def test_a_lost_run_is_taken_up_by_the_same_command(make):
    session = make()
    session.runner.mode = "lost"
    with pytest.raises(RunError, match="lost"):
        go(session, "goals")
    session.runner.mode = "finish"
    go(session, "goals")
    assert [r.id for r in session.runs()] == ["0001-profile"]
    assert session.runner.started == ["profile", "profile"]


def test_a_lost_round_of_ideas_is_taken_up_not_skipped(make):
    session = make()
    go(session, "train")
    session.runner.mode = "lost"
    with pytest.raises(RunError, match="lost"):
        go(session, "tune")
    lost = session.runs()[-1]
    tried = [s.id for s in lost.job().ideas]
    assert lost.job().kind == "try_ideas" and not any(i.status == "running" for i in session.ideas.all())
    assert [s.id for s in session.next_job("tune").ideas] == tried
    session.runner.mode = "finish"
    go(session, "tune")
    assert lost.state() == "finished" and sum(r.job().kind == "try_ideas" and [s.id for s in r.job().ideas] == tried for r in session.runs()) == 1
    assert all(session.facts.ideas[i].outcome is not None for i in tried)


def test_interruption_stops_with_a_checkpoint_and_the_same_command_goes_on(make):
    session = make()
    session.runner.mode = "leave"

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(session, "goals", sleep=interrupted)
    run = session.runs()[0]
    assert run.posted == ["stop_now"] and run.state() == "stopped"
    session.runner.mode = "finish"
    go(session, "goals")
    assert len(session.runs()) == 1, "the stopped run went on"


@pytest.mark.parametrize(("command", "counts"), [("stop_now", False), ("stop_epoch", True)])
def test_half_a_result_counts_only_when_somebody_found_it_enough(make, command, counts):
    from workflow.fakes import result_for

    session = make()
    session.runner.mode = "leave"
    run = session.start(session.next_job("goals"))
    run.partial = result_for(run.job(), run.id, session.runner.world)
    run.post(command)
    session.poll()
    assert (session.evidence("profile") is not None) is counts
    assert (session.resumable(run.job()) is None) is counts


def test_a_run_that_is_taken_up_may_look_stopped_until_its_process_is_there(make):
    session = make()
    session.runner.mode = "leave"
    run = session.start(session.next_job("goals"))
    run.post("stop_now")
    session.poll()
    slow = session.runner
    slow.start = lambda again: None  # the new process is not there yet: the folder still says stopped
    assert session.start(session.next_job("goals")) is run
    for _ in range(3):
        assert session.poll() == [] and session.follower.active() == [run]
    type(slow).finish(slow, run)
    session.poll()
    session.poll()
    assert session.evidence("profile") is not None and session.follower.active() == []


def test_a_run_that_is_going_on_is_followed_not_started_twice(make):
    session = make()
    session.runner.mode = "leave"
    run = session.start(session.next_job("goals"))
    said = []
    waits = iter(range(100))

    def wait(_):
        if next(waits) == 3:
            session.runner.finish(run)

    session.runner.mode = "finish"
    Drive(session=session, yes=True, sleep=wait, tell=said.append).through(["goals", "data"])
    assert session.runner.started.count("profile") == 1
    assert any("going on already" in line for line in said)


def test_results_of_runs_that_finished_while_nobody_looked_are_taken_up(make):
    from phasewise.workflow.session import Session
    from workflow.fakes import Clock, FakeRecipe

    session = make()
    session.runner.mode = "leave"
    run = session.start(session.next_job("goals"))
    session.runner.finish(run)
    later = Session(session.project, runner=session.runner, clock=Clock(), recipes=lambda _: FakeRecipe())
    assert later.evidence("profile") is not None
    assert later.answers.value("goals", "metric") == "roc_auc"


def test_a_remedy_that_never_helps_does_not_run_for_ever(make):
    session = make(World(blocking=True))
    go(session, "data")
    assert session.answers.value("data", "remedies")["leak:other"] == "drop-column"
