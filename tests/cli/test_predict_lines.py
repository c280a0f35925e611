"""`phasewise predict INPUT` without a file to write: CSV lines on standard output, nothing left behind."""

from pathlib import Path
from types import SimpleNamespace

from phasewise.records.results.verify import PredictResult
from phasewise.workflow import candidates, drive, feeding


def test_predictions_without_a_file_are_lines_on_standard_output(cli, table, monkeypatch):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    monkeypatch.chdir("here")
    written: list[Path] = []

    def work(self, job):
        written.append(Path(job.output))
        written[0].write_text("row,prediction\n0,yes\n")
        return SimpleNamespace(result=PredictResult(rows=1, output=job.output, findings=[]))

    monkeypatch.setattr(candidates, "chosen", lambda view: SimpleNamespace(ref="0001-fit/model", digest="d"))
    monkeypatch.setattr(feeding, "deployed", lambda view: "0001-fit/model")
    monkeypatch.setattr(drive.Drive, "work", work)
    code, out, err = cli("predict", table)
    assert code == 0, err
    assert out == "row,prediction\n0,yes\n" and not written[0].exists()
    code, out, _ = cli("predict", table, "--json")
    assert code == 2 and "-o predictions.csv" in out
