"""One declaration, several faces: the same answers give the same bytes, whoever asked."""

import json
from pathlib import Path

from phasewise.records.phases import PHASES
from phasewise.records.status import StatusDocument
from phasewise.workflow.session import Session
from workflow.fakes import World
from workflow.test_walkthrough import walk

TYPED = {"goals.metric": "accuracy", "goals.target": "0.9", "goals.budget_trials": "12", "data.policy": "stratified", "train.epochs": "9"}


def answers_of(folder):
    return Path(folder, "phasewise.toml").read_bytes().replace(f'name = "{Path(folder).name}"'.encode(), b"")


def by_flags(cli, table):
    sets = [x for k, v in TYPED.items() for x in ("--set", f"{k}={v}")]
    assert cli("new", "flags", "--data", table, "--no-input")[0] == 0
    assert cli("run", "-C", "flags", "--through", "ship", "--yes", *sets)[0] == 0
    return "flags"


def by_file(cli, table):
    lines = ["[goals]", 'metric = "accuracy"', "target = 0.9", "budget_trials = 12", "[data]", f'file = "{table}"', 'policy = "stratified"', "[train]", "epochs = 9"]
    Path("answers.toml").write_text("\n".join(lines))
    assert cli("new", "file", "--answers", "answers.toml", "--no-input", "--yes", "--through", "ship")[0] == 0
    return "file"


def by_page(cli, table):
    from phasewise.workflow.values import parse_text

    session = Session.create("page")
    session.answers.set("data", "file", str(table))
    for key, text in TYPED.items():
        phase, field = key.split(".")
        session.answers.set(phase, field, parse_text(phase, field, text))
    walk(session)
    session.close()
    return "page"


def by_plain(cli, table):
    """Answers typed line by line; Enter keeps what is recommended."""
    from phasewise.cli.plain import walk as plain_walk

    session = Session.create("plain")
    asked = []
    waiting = {}

    def tell(text):
        for q in [q for p in PHASES for q in session.questions(p)]:
            if text.strip().startswith(q.text):
                waiting["key"] = q.key

    def ask(prompt):
        asked.append(prompt)
        if prompt.startswith("Type open"):
            return "open"
        key = waiting.pop("key", "")
        return str(table) if key == "data.file" else TYPED.get(key, "")

    assert plain_walk(session, list(PHASES), ask=ask, tell=tell) == 0
    session.close()
    assert any(p.startswith("Type open") for p in asked)
    return "plain"


def test_four_faces_write_the_same_bytes(cli, table, quiet_home):
    quiet_home.world = World(need="yes", best_baseline=0.8, network=0.89, step=0.02, test=0.93)
    made = [by_flags(cli, table), by_file(cli, table), by_page(cli, table), by_plain(cli, table)]
    texts = {name: answers_of(name) for name in made}
    first = texts["flags"].decode().splitlines()
    for name, text in texts.items():
        assert text.decode().splitlines() == first, name
    stored = texts["flags"].decode()
    assert 'metric = "accuracy"' in stored and "epochs = 9" in stored and "[verify]" in stored and "[ship]" in stored


def test_plain_from_a_pipe_says_where_the_input_ended(cli, table):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    code, _, err = cli("run", "-C", "here", "--plain", stdin="accuracy\n")
    assert code == 2 and "input ended" in err and "Which value is good enough?" in err


def test_plain_without_the_word_keeps_the_vault_shut(cli, table):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    assert cli("run", "-C", "here", "--through", "strengthen", "--yes")[0] == 0
    code, _, err = cli("run", "verify", "-C", "here", "--plain", stdin="\n" * 6 + "no\n")
    assert code == 0 and "kept" in err
    assert json.loads(cli("status", "-C", "here", "--json")[1])["test"] is None


def test_status_is_the_contract(cli, table):
    assert cli("new", "here", "--data", table, "--no-input", "--yes", "--through", "ship")[0] == 0
    code, out, _ = cli("status", "-C", "here", "--json")
    document = json.loads(out)
    assert code == 0
    StatusDocument.model_validate(document)
    assert [p["id"] for p in document["phases"]] == list(PHASES)
    assert document["goal"] == {"metric": "roc_auc", "direction": "maximize", "target": 0.9, "limits": {}}
    assert set(document["data"]["rows"]) == {"train", "validation", "test"}
    assert document["test"]["looks"] == 1 and document["need_deep_learning"]["verdict"] == "no"
    assert {"run", "metric", "train", "validation", "low", "high"} <= set(document["candidate"])
    assert {"id", "job", "state", "seconds"} <= set(document["runs"][0])
    assert document["next"]["command"].startswith("phasewise ")


def test_the_command_of_the_review_page_repeats_the_project(cli, table):
    import shlex

    cli("new", "one", "--data", table, "--no-input", "--yes", "--through", "ship", "--set", "goals.target=0.85", "--set", 'data.roles={"age" = "number"}')
    session = Session.open("one", read_only=True)
    command = shlex.split(session.headless_command())
    assert command[:2] == ["phasewise", "run"]
    cli("new", "two", "--no-input")
    assert cli(*command[1:], "-C", "two")[0] == 0
    assert answers_of("one") == answers_of("two")


def test_the_demo_runs_headless_to_the_end_and_again_at_once(cli, quiet_home, tmp_path):
    code, out, err = cli("demo", "--dir", tmp_path / "demos")
    assert code == 0
    report = Path(out.strip())
    assert report.is_file() and report.suffix == ".html"
    jobs = len(quiet_home.started)
    assert cli("demo", "--dir", tmp_path / "demos")[0] == 0
    assert len(quiet_home.started) == jobs, "nothing is computed twice"
    assert cli("demo", "--dir", tmp_path / "demos", "--fresh", "--through", "goals")[0] == 0
    assert (tmp_path / "demos" / "breast_cancer-demo-2").is_dir()


def test_templates_make_projects_that_start(cli):
    from phasewise.cli.templates import every

    assert [t.name for t in every()] == ["images-classification", "tabular-classification", "tabular-regression"]
    for template in every():
        code, out, err = cli("new", template.name, "--template", template.name, "--no-input")
        assert code == 0, err
        folder = Path(template.name)
        assert (folder / "README.md").is_file() and (folder / "answers.example.toml").is_file()
        stored = Path(folder, "phasewise.toml").read_text()
        assert 'file = "data/' in stored, "paths inside the project are relative to it"


def test_a_project_that_is_moved_keeps_working(cli):
    cli("new", "before", "--template", "tabular-classification", "--no-input", "--yes", "--through", "data")
    Path("before").rename("after")
    document = json.loads(cli("status", "-C", "after", "--json")[1])
    assert {p["id"]: p["state"] for p in document["phases"]}["data"] == "done"
