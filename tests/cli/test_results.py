"""`phasewise show PART` and the passage line by line tell what the pages of baseline, train, tune, strengthen and verify show."""

import json

import pytest

from phasewise.cli import results
from phasewise.cli.opening import session_of
from phasewise.records.results.common import Score
from phasewise.records.results.verify import PairedRow, VerifyResult


@pytest.fixture
def trained(cli, table):
    assert cli("new", "p", "--data", table, "--no-input")[0] == 0
    assert cli("show", "baselines", "-C", "p")[0] == 3, "nothing to show before it ran"
    assert cli("run", "-C", "p", "--through", "tune", "--yes", "--set", "baseline.go_on_reason=to see the loop", "--set", "goals.target=0.999")[0] == 0
    return cli


def test_every_part_is_told_as_lines_and_as_json(trained):
    code, out, _ = trained("show", "baselines", "-C", "p")
    assert code == 0 and out.startswith("network needed: no.") and "95 % interval" in out and "linear" in out
    code, out, _ = trained("show", "checkup", "-C", "p")
    assert code == 0 and out.splitlines()[0].startswith("pass")
    code, out, _ = trained("show", "training", "-C", "p")
    assert code == 0 and "epochs" in out and "steps" in out
    code, out, _ = trained("show", "diagnosis", "-C", "p")
    assert code == 0 and out.startswith("high variance:") and "less is better" in out
    code, out, _ = trained("show", "tune", "-C", "p")
    assert code == 0 and "round 1: try ideas" in out and "adopted" in out and out.rstrip().endswith("no idea is left to try")
    assert trained("show", "verify", "-C", "p")[0] == 3, "the vault is still shut"
    assert trained("run", "-C", "p", "--through", "verify", "--yes")[0] in (0, 3)
    code, out, _ = trained("show", "strengthen", "-C", "p")
    assert code == 0 and "ensembles" in out and "best: " in out
    told = out.split("ensembles\n")[1].splitlines()
    assert told[0].split()[0] in ("average", "weighted", "vote"), "each ensemble by its way of combining"
    code, out, _ = trained("show", "verify", "-C", "p")
    assert code == 0 and out.startswith("confirmed") and "look 1 of at most 3" in out
    for part in results.PARTS:
        code, out, _ = trained("show", part, "-C", "p", "--json")
        assert code == 0 and json.loads(out), part


def test_the_passage_line_by_line_reads_them_out_where_they_arise(trained):
    with session_of("p", read_only=True) as session:
        lines = results.of_phase(session, "baseline")
        assert any(x.startswith("network needed") for x in lines) and any(x.startswith("pass") for x in lines)
        assert any("high variance" in x for x in results.of_phase(session, "train"))
        assert results.of_phase(session, "goals") == []


def test_verify_tells_of_what_is_worse_only(monkeypatch):
    score = Score(metric="accuracy", value=0.9, low=0.85, high=0.93, n=200)
    row = {"rows": 50, "significant": True}
    found = VerifyResult(
        test=score, validation=score, corrected=0.89, evaluations=3, z=0.1, verdict="undecided", reason="because", looks=1, rows=200, foreseen=(0.84, 0.94), others={"accuracy": 0.9, "log_loss": 0.3},
        paired=[PairedRow(name="trees", value=0.88, difference=0.02, low=-0.01, high=0.05)], confusion={"labels": ["a", "\x1b[31mb"], "counts": [[90, 10], [10, 90]]},
        slices=[row | {"name": "age > 60", "value": 0.7, "rest": 0.95, "harm": 0.01}, row | {"name": "age <= 60", "value": 0.95, "rest": 0.7, "harm": -0.01}],
    )
    monkeypatch.setattr(results, "_result", lambda session, slot: found)
    text = "\n".join(results.verify(None))
    assert "accuracy 0.9 [0.85, 0.93] on 200 sealed rows" in text and "foreseen 0.84 to 0.94" in text
    assert "log loss" in text and "trees" in text and "+0.02  [-0.01, +0.05]" in text and "90.0%" in text
    assert "age > 60: 0.7 on 50 rows, 0.95 on the others" in text and "age <= 60" not in text and "\x1b" not in text
