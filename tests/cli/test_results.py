"""`phasewise show PART` and the passage line by line tell what the pages of baseline, train and tune show."""

import json

import pytest

from phasewise.cli import results
from phasewise.cli.opening import session_of


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
    for part in results.PARTS:
        code, out, _ = trained("show", part, "-C", "p", "--json")
        assert code == 0 and json.loads(out), part


def test_the_passage_line_by_line_reads_them_out_where_they_arise(trained):
    with session_of("p", read_only=True) as session:
        lines = results.of_phase(session, "baseline")
        assert any(x.startswith("network needed") for x in lines) and any(x.startswith("pass") for x in lines)
        assert any("high variance" in x for x in results.of_phase(session, "train"))
        assert results.of_phase(session, "goals") == []
