"""`phasewise check --findings`: what was found, how to answer, what was answered."""

import json


def test_findings_are_listed_with_their_remedies_and_answers(cli, table):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    code, _, err = cli("check", "--findings", "-C", "here")
    assert code == 3 and "nothing was checked yet" in err
    assert cli("run", "-C", "here", "--through", "baseline", "--yes")[0] == 0
    code, out, _ = cli("check", "--findings", "-C", "here")
    assert code == 0 and "warn  3 rows are copies  [duplicates]" in out and "answered: drop-rows" in out
    found = json.loads(cli("check", "--findings", "--json", "-C", "here")[1])
    assert [(f["id"], f["answer"]) for f in found] == [("duplicates", "drop-rows")]
