"""Every wrong input gives an error with title, cause and remedy, and exit code 2 (issue 2, "Bad input")."""

import os
import re
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasewise.kinds.shared import memory
from phasewise.kinds.tabular import casting, profiling, reading
from phasewise.records.errors import BadInputError, PhasewiseError
from tabular.helpers import packed, view

ROWS = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40))
GOOD = "x,y,target\n" + ROWS


def write(tmp_path: Path, data: bytes | str, name: str = "data.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(path: Path | str, target: str = "", **more: object) -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        profiling.profile(view(path, target, **more))
    error = caught.value
    assert error.exit_code == 2
    assert error.title and error.cause and error.remedy
    assert len(error.lines()) == 3
    return error


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "titanic.csv")
    error = refused(tmp_path / "titanc.csv")
    assert "titanc.csv" in error.title and "titanic.csv" in error.remedy


def test_directory(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path).title
    write(tmp_path, GOOD, "train.csv")
    assert "train.csv" in refused(tmp_path).remedy
    write(tmp_path, GOOD, "test.csv")
    assert f"data.test_file={tmp_path / 'test.csv'}" in refused(tmp_path).remedy


@pytest.mark.parametrize("name", ["large.csv", "large.csv.gz", "large.parquet"])
def test_a_table_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        pl.DataFrame({"x": range(400), "target": [i % 2 for i in range(400)]}).write_parquet(path)
    elif name.endswith("gz"):
        packed(path, GOOD.encode())
    else:
        write(tmp_path, GOOD, name)
    monkeypatch.setattr(memory, "available", lambda: 100)
    error = refused(path)
    assert "does not fit into memory" in error.title and "GiB are free" in error.cause and "sample" in error.remedy
    monkeypatch.setattr(memory, "available", lambda: None)
    profiling.profile(view(path, "target"))


def test_free_memory_is_the_systems_or_the_containers(tmp_path: Path) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert memory.available(info, tmp_path / "none") == 4000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert memory.available(info, tmp_path) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available(info, tmp_path) == 4000 * 1024
    assert memory.available(tmp_path / "none", tmp_path / "none") is None


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "regular file" in refused(tmp_path / "pipe.csv").title


@pytest.mark.parametrize("data", [b"", packed])
def test_empty(tmp_path: Path, data: object) -> None:
    path = write(tmp_path, b"") if data == b"" else packed(tmp_path / "e.csv.gz", b"")
    assert "empty" in refused(path).title


def test_header_only(tmp_path: Path) -> None:
    assert "no rows" in refused(write(tmp_path, "a,b,c\n")).title
    assert "no rows" in refused(write(tmp_path, "a,b,c")).title


def test_one_column(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "value\n" + "1\n" * 30))
    assert "one column" in error.title and "'value'" in error.cause


def test_binary_junk(tmp_path: Path) -> None:
    assert "not text" in refused(write(tmp_path, bytes(range(256)) * 50)).title
    assert "PNG" in refused(write(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100))).cause
    assert "Excel" in refused(write(tmp_path, b"PK\x03\x04" + bytes(100))).cause


def test_wrong_delimiter(tmp_path: Path) -> None:
    error = refused(write(tmp_path, GOOD), reading={"delimiter": ";"})
    assert "one column" in error.title and "';'" in error.cause


def test_ragged_rows_are_named(tmp_path: Path) -> None:
    lines = GOOD.splitlines()
    lines[11] += ",extra"
    lines[20] = "1,2"
    error = refused(write(tmp_path, "\n".join(lines) + "\n"))
    assert "row 12 has 4 cells" in error.cause and "row 21 has 2 cells" in error.cause and "2 such rows" in error.cause


def test_ragged_last_row_without_newline(tmp_path: Path) -> None:
    assert "row 42 has 2 cells" in refused(write(tmp_path, GOOD + "1,2")).cause


def test_open_quote(tmp_path: Path) -> None:
    error = refused(write(tmp_path, 'a,b,c\n"1","2","3"\n' * 1 + '"1","2","3"\n' * 20 + '"4,"5","6"\n' + '"1","2","3"\n' * 3))
    assert "cells" in error.cause


def test_a_header_repeated_by_joined_files_is_left_out_and_said(tmp_path: Path) -> None:
    raw = reading.read_raw(view(write(tmp_path, GOOD + GOOD)))
    assert raw.frame.height == 80 and raw.frame["x"].dtype.is_numeric()
    assert any("1 line below the header repeats it and was left out (data row 41)" in n for n in raw.notes)
    texts = "name,town,target\n" + "".join(f"{'xyz'[i % 3]},{'uv'[i % 2]},{'ab'[i % 2]}\n" for i in range(20))
    assert reading.read_raw(view(write(tmp_path, texts + texts))).frame.columns[1:] == ["name", "town", "target"]
    same = reading.read_raw(view(write(tmp_path, "word,size,target\nword,1,a\n" + "".join(f"w{i},{i},{'ab'[i % 2]}\n" for i in range(39)))))
    assert same.frame.height == 40  # a cell that equals a name is no header


@pytest.mark.parametrize("size", [3_000, 1_500_000])
def test_long_quoted_cells_with_line_ends_are_one_cell(tmp_path: Path, size: int) -> None:
    cell = ("word, \"\"word\"\"\n" * (size // 15))
    rows = "".join(f'{i},"{i}{cell}",{"ab"[i % 2]}\n' for i in range(12))
    raw = reading.read_raw(view(write(tmp_path, "x,note,target\n" + rows)))
    assert raw.frame.height == 12 and raw.frame["note"].str.len_chars().min() > 0.8 * size


def test_loose_quotation_marks_are_text(tmp_path: Path) -> None:
    raw = reading.read_raw(view(write(tmp_path, "size,target\n" + ''.join(f'{i}" pipe,{"ab"[i % 2]}\n' for i in range(40)))))
    assert raw.frame.height == 40 and raw.frame["size"][0] == '0" pipe'


def test_wide_tables_are_cast_in_linear_time() -> None:
    wide = pl.DataFrame({f"c{i}": [1, 2, 3] for i in range(20_000)})
    start = time.process_time()
    cast = casting.cast_roles(wide, dict.fromkeys(wide.columns, "number"))
    assert cast.width == 20_000 and time.process_time() - start < 120  # quadratic work would take an hour


def test_duplicate_column_names(tmp_path: Path) -> None:
    error = refused(write(tmp_path, GOOD.replace("x,y", "x,x")))
    assert "duplicate" in error.title and "'x' (columns 1 and 2)" in error.cause


def test_target_not_found_names_the_nearest(tmp_path: Path) -> None:
    error = refused(write(tmp_path, GOOD), "Target ")
    assert "Did you mean 'target'" in error.remedy
    assert "Columns: x, y, target" in refused(write(tmp_path, GOOD), "zzz").remedy


def test_constant_target(tmp_path: Path) -> None:
    error = refused(write(tmp_path, re.sub(r",[ab]\n", ",7\n", GOOD)), "target")
    assert "one value" in error.title and "'7'" in error.cause


def test_one_class(tmp_path: Path) -> None:
    assert "one class" in refused(write(tmp_path, GOOD.replace(",b\n", ",a\n")), "target").title


def test_all_missing_target(tmp_path: Path) -> None:
    assert "is empty" in refused(write(tmp_path, re.sub(r",[ab]\n", ",\n", GOOD)), "target").title


def test_two_rows(tmp_path: Path) -> None:
    assert "only 2 rows" in refused(write(tmp_path, "x,y,target\n1,2,a\n3,4,b\n")).title


def test_mixed_types_are_said_not_fatal(tmp_path: Path) -> None:
    cells = ["12", "13.5", "n/a", "oops", "7"] * 12
    found = profiling.profile(view(write(tmp_path, "m,target\n" + "".join(f"{c},{i % 2}\n" for i, c in enumerate(cells))), "target"))
    assert any("mixed types" in n or "mixes numbers" in n for n in found.notes)


def test_column_without_any_value(tmp_path: Path) -> None:
    found = profiling.profile(view(write(tmp_path, "a,empty,target\n" + "".join(f"{i},,{'ab'[i % 2]}\n" for i in range(40))), "target"))
    column = next(c for c in found.columns if c.name == "empty")
    assert column.role == "ignore" and column.missing == 40
    assert any("every cell is missing" in n for n in found.notes)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    text = "größe,name,target\n" + "".join(f"{i},{'Żółć' if encoding.startswith('utf') else 'Müller'} {i % 3},{'ab'[i % 2]}\n" for i in range(40))
    raw = reading.read_raw(view(write(tmp_path, text.encode(encoding))))
    assert raw.columns[0] == "größe"
    assert raw.frame["name"][0].startswith("Żółć" if encoding.startswith("utf") else "Müller")
    assert raw.frame.height == 40
    if encoding in ("latin-1", "cp1252"):
        assert any("not UTF-8 (first in line 1)" in n for n in raw.notes)


def test_a_few_broken_characters_are_replaced_and_counted(tmp_path: Path) -> None:
    good = ("x,name,target\n" + "".join(f"{i},Müller,{'ab'[i % 2]}\n" for i in range(60))).encode()
    raw = reading.read_raw(view(write(tmp_path, good.replace("Müller".encode(), b"M\xffller", 1))))
    assert raw.frame["name"][0] == "M\ufffdller" and any("1 characters (first in line 2)" in n for n in raw.notes)


def test_gz_whose_footer_declares_5_gb_it_does_not_hold_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "bomb.csv.gz", GOOD.encode())
    data = bytearray(path.read_bytes())
    data[-4:] = (5_000_000_000 % 2**32).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert "is a damaged gzip file" in refused(path).title  # the sizes disagree: what it holds cannot be trusted


def test_gz_bomb_with_a_lying_footer_stops_at_the_limit(tmp_path: Path) -> None:
    path = packed(tmp_path / "bomb.csv.gz", bytes(2**27))
    data = bytearray(path.read_bytes())
    data[-4:] = (1000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert "more than" in refused(path).cause


def test_cut_off_gz(tmp_path: Path) -> None:
    path = packed(tmp_path / "cut.csv.gz", os.urandom(20_000))
    path.write_bytes(path.read_bytes()[:9_000] + bytes(4))
    assert "damaged gzip" in refused(path).title


def test_broken_parquet(tmp_path: Path) -> None:
    assert "Parquet" in refused(write(tmp_path, b"PAR1" + bytes(200) + b"PAR1", "t.parquet")).title


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(100_000))
    row = ",".join("1" for _ in range(100_000))
    path = write(tmp_path, header + "\n" + (row + "\n") * 10)
    assert "100,000 columns" in refused(path).title


def test_a_column_of_megabyte_strings_is_read(tmp_path: Path) -> None:
    cell = "word " * 200_000
    path = write(tmp_path, "x,long,target\n" + "".join(f"{i},{i}{cell},{'ab'[i % 2]}\n" for i in range(20)))
    found = profiling.profile(view(path, "target"))
    assert found.rows == 20 and all(len(c) <= 61 for row in found.preview for c in row)


def test_control_characters_never_reach_the_screen(tmp_path: Path) -> None:
    path = write(tmp_path, "x,\x1b[31mred,target\n" + "".join(f"{i},\x1b]0;hi\x07{i % 3},{'ab'[i % 2]}\n" for i in range(40)))
    found = profiling.profile(view(path, "target"))
    shown = [c for row in found.preview for c in row] + found.notes + [b.label for c in found.columns for b in c.bars]
    assert not any("\x1b" in s or "\x07" in s for s in shown)
    assert "\x1b" not in "".join(refused(path, "nope").lines())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=300), st.text(alphabet="ab1;,\t|\"'\n\r .-é", max_size=300).map(str.encode)))
def test_any_bytes_give_a_profile_or_a_clear_error(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, data)
    try:
        profiling.profile(view(path))
    except PhasewiseError as error:
        assert error.title and error.remedy
