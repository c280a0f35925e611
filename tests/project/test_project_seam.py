"""The seam other rooms rely on: a project, a run played by the fake runner, and what the other side sees of it."""

from fakes import FakeRunner, Script
from phasewise.project.folder import Project
from phasewise.records.jobs import DataView, ProfileJob

JOB = ProfileJob(phase="data", data=DataView(kind="tabular", file="x.csv"))


def test_a_scripted_run_is_seen_through_the_folder_alone(tmp_path):
    with Project.create(tmp_path / "p", "first") as project:
        runner = FakeRunner(project, {"profile": Script(result={"rows": 3}, hold=True)})
        run = project.runs.create(JOB)
        assert (run.id, run.state(), run.job()) == ("0001-profile", "queued", JOB)
        runner.start(run)
        assert run.state() == "running"
        events, offset = run.tail(0)
        assert [e.kind for e in events] == ["hello", "started", "heartbeat"]
        run.post("pause")
        assert [c["command"] for c in runner.commands(run)] == ["pause"]
        assert run.state() == "paused"
        runner.go_on(run)
        more, _ = run.tail(offset)
        assert [e.kind for e in more] == ["ack", "heartbeat", "finished"]
        assert (run.state(), run.result()) == ("finished", {"rows": 3})


def test_a_run_that_disappears_is_lost(tmp_path):
    with Project.create(tmp_path / "p") as project:
        run = project.runs.create(JOB)
        FakeRunner(project, {"profile": Script(lost=True)}).start(run)
        assert run.state() == "lost"
        assert project.runs.get(run.id).result() is None
