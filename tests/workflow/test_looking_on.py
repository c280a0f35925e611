"""A read-only session takes up what the writer does after it was opened: answers, runs, evidence."""

from fakes import FakeRunner
from phasewise.project.folder import Project
from phasewise.workflow.session import Session
from workflow.fakes import World, result_for


def test_the_second_viewer_sees_answers_runs_and_evidence_of_the_writer(tmp_path):
    (tmp_path / "data.csv").write_text("age,town,label,other\n1,a,yes,no\n2,b,no,no\n")
    project = Project.create(tmp_path / "p", "p")
    writer = Session(project, runner=FakeRunner(project, {"profile": lambda job: result_for(job, "r", World())}))
    viewer = Session.open(tmp_path / "p", read_only=True)
    assert viewer.catch_up() is False and viewer.evidence("profile") is None

    writer.answers.set("data", "file", str(tmp_path / "data.csv"), source="typed")
    writer.save()
    assert viewer.catch_up() is True
    assert viewer.answers.get("data").file == str(tmp_path / "data.csv")

    run = writer.start(writer.next_job("data"))
    writer.poll()
    assert viewer.catch_up() is True
    assert [r.id for r in viewer.runs()] == [run.id]
    assert viewer.evidence("profile").run == run.id
    assert viewer.evidence("profile").t == writer.evidence("profile").t, "the writer's own entry, not one of the viewer's"
    assert viewer.catch_up() is False

    writer.note("data", "seen by both")
    assert viewer.catch_up() is True
    assert viewer.facts.notes[-1][2] == "seen by both"
    before = (tmp_path / "p" / "journal.jsonl").read_bytes()
    viewer.close()
    assert (tmp_path / "p" / "journal.jsonl").read_bytes() == before
    writer.close()


def test_a_writer_has_nothing_to_catch_up_with(tmp_path):
    session = Session(Project.create(tmp_path / "p", "p"))
    session.note("goals", "mine")
    assert session.catch_up() is False
    session.close()
