"""Every error is a message with a remedy and the right exit code; a traceback only reaches the log."""

import json
from pathlib import Path

import pytest

CASES = [
    (["stauts"], 2, "Did you mean `phasewise status`?"),
    (["run", "--throgh", "verify"], 2, "Did you mean --through?"),
    (["run", "trian"], 2, "Did you mean 'train'?"),
    (["run", "--set", "goals.metrc=accuracy"], 2, "Did you mean 'goals.metric'?"),
    (["run", "--set", "goals.metric"], 2, "no '='"),
    (["run", "--set", "train.epochs=many"], 2, "train.epochs"),
    (["run", "--set", "data.policy=rnadom"], 2, "Allowed: random"),
    (["run", "--remedy", "nothing=accept"], 2, "unknown finding"),
    (["run", "--override", "verify=because"], 2, "PHASE:GATE=REASON"),
    (["run", "--override", "verify:opened=because"], 3, "cannot be overridden"),
    (["run", "--answers", "missing.toml"], 2, "missing.toml"),
    (["run", "--budget-trials", "x"], 2, "tune.budget_trials"),
    (["run", "goals"], 2, "--set goals.metric=..."),
    (["run", "train", "--yes"], 3, "phasewise run --through train"),
    (["stop", "0099-fit"], 1, "phasewise runs"),
    (["steer", "0099-fit", "pause"], 1, "phasewise runs"),
    (["steer", "0099-fit", "rate"], 2, "steer RUN rate 0.001"),
    (["steer", "0099-fit", "rate", "fast"], 2, "above 0"),
    (["steer", "0099-fit", "rate", "*0"], 2, "above 0"),
    (["steer", "0099-fit", "pause", "3"], 2, "nothing else"),
    (["attach", "../../etc"], 1, "phasewise runs"),
    (["predict", "nowhere.csv", "-o", "out.csv"], 2, "nowhere.csv"),
    (["predict", "TABLE", "-o", "out.csv"], 3, "no model yet"),
    (["predict", "TABLE"], 3, "no model yet"),
    (["check", "TABLE"], 3, "no verified model"),
    (["export", "--to", "onx"], 2, "Did you mean 'onnx'?"),
    (["export", "--to", "bundle"], 3, "no model yet"),
    (["ideas", "drop", "x"], 2, "reason"),
    (["ideas", "predict", "x"], 2, "--gain"),
    (["ideas", "add", "x", "--complexity", "9"], 2, "complexity"),
    (["ideas", "try"], 3, "no trained network"),
    (["demo", "titanc"], 2, "Demos:"),
    (["new", "other", "--template", "tabular-clasification"], 2, "Did you mean 'tabular-classification'?"),
    (["new", "other", "--data", "gone.csv"], 2, "gone.csv"),
    (["new", "other", "--goal", "accurcy>=0.9"], 2, "Did you mean 'accuracy'?"),
    (["new", "other", "--goal", "rmse>=3"], 2, "wrong way"),
    (["new", "."], 1, "project already"),
    (["--nonsense"], 2, "--nonsense"),
    (["schema", "answer"], 2, "Did you mean 'answers'?"),
    (["vault", "open"], 2, "verify"),
]


@pytest.fixture
def project(cli, table, monkeypatch):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    monkeypatch.chdir("here")


@pytest.mark.parametrize(("args", "code", "words"), CASES, ids=[" ".join(c[0]) for c in CASES])
def test_an_error_has_its_code_and_a_remedy(cli, project, table, args, code, words):
    found, out, err = cli(*[table if a == "TABLE" else a for a in args])
    assert found == code, err
    assert words in err and err.startswith("error: ") and "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("args", [["status"], ["run"], ["runs"], ["report"], ["ideas"], ["vault", "verify"], []])
def test_without_a_project_every_command_says_how_to_make_one(cli, args):
    code, _, err = cli(*args)
    assert code == 2 and "phasewise new" in err


def test_an_answers_file_is_read_with_file_line_key_and_nearest_name(cli, project, tmp_path):
    bad = tmp_path / "answers.toml"
    bad.write_text('[goals]\nmetric = "roc_auc"\ntraget = 0.9\n')
    code, _, err = cli("run", "--answers", bad)
    assert code == 2 and "line 3" in err and "answers.toml" in err and "goals.target" in err


def test_a_failed_job_is_told_with_its_remedy(cli, project, quiet_home):
    quiet_home.mode = "failed"
    code, _, err = cli("run", "--through", "data", "--yes")
    assert code == 1 and "the planted fault" in err and "row 7" in err and "repair it" in err


def test_what_nobody_foresaw_goes_to_the_log(cli, project, monkeypatch, tmp_path):
    import phasewise.workflow.status as status

    def boom(_):
        secret = "local variable"
        raise RuntimeError(f"planted {len(secret)}")

    monkeypatch.setattr(status, "document", boom)
    code, out, err = cli("status")
    assert code == 1 and "Traceback" not in err + out
    assert "errors.log" in err and "come back with: phasewise status" in err
    log = tmp_path / "home" / "xdg_state_home" / "phasewise" / "errors.log"
    assert "RuntimeError: planted" in log.read_text()


def test_ctrl_c_ends_with_130(cli, project, monkeypatch):
    import phasewise.workflow.drive as drive

    def interrupt(self, phases):
        raise KeyboardInterrupt

    monkeypatch.setattr(drive.Drive, "through", interrupt)
    code, _, err = cli("run", "--yes")
    assert code == 130 and "goes on" in err


def test_a_second_writer_can_look_but_not_change(cli, project):
    from phasewise.workflow.session import Session

    first = Session.open(".")
    try:
        code, _, err = cli("run", "--through", "data", "--yes")
        assert code == 1 and "reading only" in err
        assert cli("status")[0] == 0
    finally:
        first.close()


def test_the_goal_missed_on_test_is_exit_code_three(cli, project, quiet_home):
    quiet_home.world.test = 0.6
    code, _, err = cli("run", "--through", "ship", "--yes", "--set", "goals.target=0.9")
    assert code == 3 and "goal-held" in err


def test_a_first_goal_that_nobody_chose_shuts_no_door(cli, project, quiet_home):
    quiet_home.world.test = 0.6
    code, _, err = cli("run", "--through", "ship", "--yes")
    assert code == 0, err


def test_json_lines_end_with_finished_whatever_happens(cli, project, quiet_home):
    quiet_home.world.test = 0.6
    code, out, _ = cli("run", "--through", "verify", "--yes", "--json", "--set", "goals.target=0.9")
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[-1]["kind"] == "finished" and lines[-1]["exit_code"] == code == 3
    assert {"hello", "progress", "phase"} <= {e["kind"] for e in lines}


@pytest.mark.parametrize("command", [["status"], ["run", "--through", "dta"], ["new", "q", "--data", "absent.csv"], ["check", "absent.csv"], ["check", "--findings"], ["export", "--to", "nothing"], ["run", "--sett", "x"], ["runs", "-C", "nowhere"]])
def test_with_json_an_error_is_json_too(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli(*command, "--json")
    told = json.loads(out)
    assert code in (1, 2) and told["kind"] == "finished" and told["exit_code"] == code and told["title"] in err


def test_with_json_a_crash_and_an_interruption_are_json_too(cli, project, monkeypatch):
    from phasewise.workflow import drive

    def fail(self, phases):
        raise ZeroDivisionError("planted")

    def interrupt(self, phases):
        raise KeyboardInterrupt

    monkeypatch.setattr(drive.Drive, "through", fail)
    code, out, _ = cli("run", "--yes", "--json")
    assert code == 1 and json.loads(out.splitlines()[-1])["cause"] == "ZeroDivisionError" and out.count('"finished"') == 1
    monkeypatch.setattr(drive.Drive, "through", interrupt)
    code, out, _ = cli("run", "--yes", "--json")
    assert code == 130 and json.loads(out.splitlines()[-1])["reason"] == "stopped" and out.count('"finished"') == 1


def test_hostile_names_reach_no_terminal(cli, tmp_path):
    nasty = tmp_path / "a\x1b[31mb.csv"
    nasty.write_text("a,b\n1,2\n")
    _, out, err = cli("new", "x", "--data", nasty, "--target", "\x1b]0;title\x07", "--no-input")
    _, out2, err2 = cli("status", "-C", "x")
    assert "\x1b" not in out + err + out2 + err2 and "\x07" not in out + err + out2 + err2


def test_an_export_that_is_not_the_same_is_exit_code_one(cli, project, quiet_home):
    assert cli("run", "--through", "verify", "--yes")[0] == 0
    quiet_home.world.bad_format = "onnx"
    code, out, _ = cli("export", "--to", "onnx")
    assert code == 1 and "onnx  NOT WRITTEN OR NOT THE SAME: planted" in out
    assert cli("export", "--to", "torch", "--json")[0] == 1


def test_planned_rates_are_shown_before_training_and_nothing_is_kept(cli, table):
    assert cli("new", "p", "--data", table, "--no-input")[0] == 0
    assert cli("run", "-C", "p", "--through", "data", "--yes")[0] == 0
    before = Path("p/phasewise.toml").read_bytes()
    code, out, _ = cli("show", "rates", "-C", "p", "--set", "train.schedule=manual", "--set", "train.rate_keys=2:0.001", "--set", "train.lr=0.01", "--set", "train.epochs=4")
    assert code == 0 and "manual with" in out and [line.split()[2] for line in out.splitlines() if "#" in line] == ["0.01", "0.001", "0.001"]
    code, out, _ = cli("show", "rates", "-C", "p", "--json", "--set", "train.schedule=cosine")
    found = json.loads(out)
    assert code == 0 and found["schedule"] == "cosine" and found["rates"][0][1] > found["rates"][-1][1]
    code, _, err = cli("show", "rates", "-C", "p", "--set", "train.lr=0")
    assert code == 2 and "above 0 and at most 100" in err and "--set train.lr=0.001" in err
    assert Path("p/phasewise.toml").read_bytes() == before


def test_consent_to_own_code_is_asked_for_written_down_and_taken_back(cli):
    Path("own.py").write_text("def loss(outputs, y):\n    return outputs.mean()\n\x1b[31m")
    code, _, err = cli("trust", "own.py")
    assert code == 2 and "--yes" in err
    assert "agreed: own.py" in cli("trust", "own.py", "--yes")[1] and "agreed already" in cli("trust", "own.py")[1]
    assert "withdrawn" in cli("trust", "own.py", "--withdraw")[1] and "there was no consent" in cli("trust", "own.py", "--withdraw")[1]
    assert cli("trust", "away.py", "--yes")[0] == 2
