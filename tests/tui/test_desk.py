"""The desk: which step comes next in every situation, without a screen."""

from phasewise.tui.desk import Desk

from .fake_session import FakeSession, tell_training


def test_the_next_step_follows_the_state_of_a_phase():
    session = FakeSession(done="goals")
    desk = Desk(session)
    assert desk.primary("data").act == "run"
    assert desk.primary("data").label == "Read the file"
    session.put("profile")
    desk.touch()
    assert desk.primary("data").act == "seal"
    session.put("split")
    session.put("checks")
    desk.touch()
    step = desk.primary("data")
    assert (step.act, step.message) == ("gate", "no finding blocks")
    session.override("data", "leak-single", "known before the decision")
    desk.touch()
    assert (desk.primary("data").act, desk.primary("data").phase) == ("next", "approach")
    assert (desk.primary("train").act, desk.primary("train").phase) == ("goto", "data")


def test_problems_come_before_jobs_but_reading_the_file_comes_before_problems():
    session = FakeSession()
    desk = Desk(session)
    session.answers.set("goals", "expected_low", 0.9)
    session.answers.set("goals", "expected_high", 0.8)
    step = desk.primary("goals")
    assert (step.act, step.field) == ("fix", "expected_high")


def test_opening_the_vault_is_its_own_step():
    assert Desk(FakeSession(done="strengthen")).primary("verify").act == "open"


def test_read_only_offers_nothing_to_do():
    desk = Desk(FakeSession(done="goals", read_only=True))
    step = desk.primary("data")
    assert (step.act, step.label) == ("none", "Read only")
    assert desk.post("any", "pause") is False


def test_a_running_job_is_watched_and_its_end_is_noticed_once_recorded():
    session = FakeSession(done="baseline")
    desk = Desk(session)
    run = desk.start(session.next_job("train"))
    folder = session.run_list[-1]
    tell_training(folder)
    assert desk.poll() == {run.id}
    assert desk.primary("train").act == "watch"
    assert desk.busy
    version = desk.version
    session.complete(folder)
    desk.poll()
    assert desk.version > version
    assert not desk.busy
    assert desk.result("find_lr") is not None
    assert desk.primary("train").label == "Train"


def test_a_finished_but_unrecorded_run_is_not_started_again():
    session = FakeSession(done="baseline")
    desk = Desk(session)
    desk.start(session.next_job("train"))
    folder = session.run_list[-1]
    folder.emit("hello", job="find_lr", pid=1, host="x")
    folder.emit("finished", reason="done", seconds=1.0)
    desk.poll()
    assert desk.running() is None
    assert desk.busy
    assert (desk.primary("train").act, desk.primary("train").label) == ("none", "Finishing")


def test_lost_runs_are_seen():
    session = FakeSession(done="baseline")
    desk = Desk(session)
    desk.start(session.next_job("train"))
    folder = session.run_list[-1]
    folder.emit("hello", job="fit", pid=1, host="x")
    desk.poll()
    assert desk.check_lost() == []
    folder.status = "lost"
    assert [r.id for r in desk.check_lost()] == [folder.id]
    assert desk.running() is None


def test_recommended_remedies_are_taken_for_what_blocks_or_warns():
    session = FakeSession(done="goals")
    for slot in ("profile", "split", "checks"):
        session.put(slot)
    desk = Desk(session)
    assert desk.take_advised() == 3
    assert session.answers.get("data").remedies["leak-single:relationship"] == "drop-column"
    assert desk.take_advised() == 0
