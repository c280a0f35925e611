"""The whole protocol over the real command line and the real engine, on titanic: three looks, no fourth, new sets from real cases (E02, 7.7, 7.8)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

DATA = Path(os.environ.get("PHASEWISE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "titanic" / "train.csv"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not DATA.is_file(), reason="titanic is not here (PHASEWISE_DATA)")]


def test_looks_and_generations_by_command_line(tmp_path):
    frame = pl.read_csv(DATA)
    frame[:600].write_csv(tmp_path / "past.csv")
    other = pl.Series(np.random.default_rng(0).random(291) < 0.45)
    field = frame[600:].with_columns(pl.when(other).then(1 - pl.col("Survived")).otherwise(pl.col("Survived")).alias("Survived"), (pl.col("PassengerId") + 5000).alias("PassengerId"))
    pl.concat([field, frame[:20]]).write_csv(tmp_path / "field.csv")
    env = {**os.environ, "OMP_NUM_THREADS": "1", **{k: str(tmp_path / "home") for k in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}}

    def pw(*args, code=(0,)):
        done = subprocess.run([sys.executable, "-m", "phasewise", *args], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=280)
        assert done.returncode in (code if isinstance(code, tuple) else (code,)), (args, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def status():
        return json.loads(pw("status", "--json", "-C", "p"))

    pw("new", "p", "--data", "past.csv", "--target", "Survived", "--no-input")
    assert "before opening: This would be look 1 of at most 3" in pw("run", "--through", "verify", "--yes", "-C", "p")
    first = status()["test"]
    taken = status()["candidate"]["name"]
    run = next(r["id"] for r in status()["runs"] if r["job"] == "baselines")
    second, third = [n for n in ("linear", "trees", "knn") if n != taken]
    assert "verify.reason" in pw("run", "verify", "--yes", "--set", f"verify.candidate={run}/{second}", "-C", "p", code=2)
    for name, reason, level in ((second, "it is easier to explain", 0.975), (third, "for the appendix", 1 - 0.05 / 3)):
        pw("run", "verify", "--yes", "--set", f"verify.candidate={run}/{name}", "--set", f"verify.reason={reason}", "-C", "p", code=(0, 3))  # 3: the gate asks for a reason
        now = status()["test"]
        assert now["level"] == pytest.approx(level) and now["first"] == pytest.approx(first["value"])
    assert "3 looks were taken" in pw("run", "verify", "--yes", "--set", "verify.margin=0.01", "--set", "verify.reason=one more", "-C", "p", code=2)
    assert "looks 3 of at most 3" in pw("vault", "verify", "-C", "p")
    report = (tmp_path / "p" / "reports" / "report.md").read_text()
    assert "no longer unseen" in report and "it is easier to explain" in report
    assert "a reason is needed" in pw("vault", "renew", "field.csv", "-C", "p", code=2)
    assert "600 copy rows the project has" in pw("vault", "renew", "past.csv", "--reason", "again", "-C", "p", code=3)
    said = pw("vault", "renew", "field.csv", "--reason", "the field is far below the test", "-C", "p")
    assert "generation 2" in said and "20 copies" in said
    pw("run", "--through", "verify", "--yes", "-C", "p")
    now = status()["test"]
    assert now["generation"] == 2 and now["looks"] == 1 and now["value"] < first["value"]
    assert "generation 2, looks 1" in pw("vault", "verify", "-C", "p")
    kinds = [json.loads(line.rpartition("\t")[0])["kind"] for line in (tmp_path / "p" / "vault" / "ledger.jsonl").read_text().splitlines()]
    assert kinds.count("open") == 4 and kinds.index("reseal") > kinds.index("demote")
