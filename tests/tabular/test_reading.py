"""Delimiters, quoting, headers, natural types, Parquet, role casts."""

from datetime import datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.registry import kind, propose
from phasewise.kinds.tabular import casting, reading
from phasewise.records.errors import BadInputError, UsageError
from tabular.helpers import packed, view


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_sensible_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(delimiter.join(r) for r in [["a b", "c,;x", "d"] if delimiter not in ",;" else ["a", "b", "c"]] + [[str(i), f"{i}.5", "u v"] for i in range(20)]))
    raw = reading.read_raw(view(path))
    assert raw.reading["delimiter"] == delimiter and raw.frame.height == 20
    assert [str(t) for t in raw.frame.dtypes[1:]] == ["Int64", "Float64", "String"]


def test_quoted_delimiters_and_newlines(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text('name,note,target\n' + "".join(f'"Doe, J{i}","line one\nline ""two""",{i % 2}\n' for i in range(30)))
    raw = reading.read_raw(view(path))
    assert raw.frame.height == 30 and raw.frame["name"][3] == "Doe, J3" and raw.frame["note"][0] == 'line one\nline "two"'


def test_gz_and_crlf_and_blank_lines_keep_row_numbers(tmp_path: Path) -> None:
    path = packed(tmp_path / "t.csv.gz", b"a,b\r\n" + b"".join(b"%d,%d\r\n" % (i, i) for i in range(20)) + b"\r\n\r\n")
    raw = reading.read_raw(view(path))
    assert raw.frame.height == 20 and raw.frame[reading.ROW].to_list() == list(range(20))
    assert raw.reading["compression"] == "gzip" and any("blank lines" in n for n in raw.notes)


def test_header_is_detected_and_named_when_absent(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("".join(f"{i / 7:.3f},{i},'{i % 2}'\n" for i in range(40)))
    raw = reading.read_raw(view(path))
    assert raw.columns == ["column_1", "column_2", "column_3"] and raw.frame.height == 40
    assert reading.read_raw(view(path, reading={"header": "yes"})).frame.height == 39


def test_leading_zeros_stay_text_and_blanks_become_null(tmp_path: Path) -> None:
    path = tmp_path / "z.csv"
    path.write_text("zip,n,target\n" + "".join(f"0{i:04d}, {i if i % 3 else ' '} ,{i % 2}\n" for i in range(30)))
    raw = reading.read_raw(view(path))
    assert raw.frame["zip"].dtype == pl.String and raw.frame["n"].dtype == pl.Int64 and raw.frame["n"].null_count() == 10


def test_parquet_types_come_down_to_a_few(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    n = 20
    pl.DataFrame({
        "i8": pl.Series(range(n), dtype=pl.Int8), "f": np.linspace(0, 1, n, dtype=np.float32), "b": [True, None] * (n // 2), "d": [datetime(2020, 1, 1)] * n,
        "c": pl.Series(["u", "v"] * (n // 2), dtype=pl.Categorical), "l": [[1, 2]] * n, "nan": [float("nan")] * n,
    }).write_parquet(path)
    frame = reading.read_raw(view(path)).frame
    assert [str(frame[c].dtype).split("(")[0] for c in ("i8", "f", "b", "d", "c", "l.1", "nan")] == ["Int64", "Float64", "String", "Datetime", "String", "Float64", "Float64"]
    assert frame["b"][0] == "true" and frame["nan"].null_count() == n and frame["l.1"].unique().to_list() == [2.0]


def test_parquet_structures_vectors_times_and_bytes(tmp_path: Path) -> None:
    path, n = tmp_path / "t.parquet", 12
    pl.DataFrame({
        "place": [{"lat": 50.5, "town": {"name": "x"}}] * n, "place.lat": [1] * n, "vector": pl.Series([[1.0, 2.0, 3.0]] * n, dtype=pl.Array(pl.Float32, 3)), "tags": [["a", "b"], ["c"]] * (n // 2),
        "took": [timedelta(minutes=90)] * n, "at": [time(6, 30)] * n, "raw": [b"\x00"] * n, "ragged": [[1, 2], [3]] * (n // 2), "y": range(n),
    }).write_parquet(path)
    raw = reading.read_raw(view(path))
    assert raw.columns == ["place.lat_2", "place.town.name", "place.lat", "vector.0", "vector.1", "vector.2", "tags", "took", "at", "ragged", "y"]
    row = raw.frame.row(0, named=True)
    assert (row["place.lat_2"], row["vector.2"], row["tags"], row["took"], row["at"], row["ragged"]) == (50.5, 3.0, "a b", 5400.0, 6.5, "1 2")
    assert any("'raw' holds bytes and was left out" in note for note in raw.notes) and len(raw.notes) == 8


@pytest.mark.parametrize(("cells", "fmt", "values"), [
    (["1,234.5", "12", "$7.25"], "point", [1234.5, 12.0, 7.25]),
    (["1.234,5", "12,0", "7,25 €"], "comma", [1234.5, 12.0, 7.25]),
    (["12 %", "3.5%", "?"], "plain", [12.0, 3.5, None]),
    (["1e3", "-2", "+.5"], "plain", [1000.0, -2.0, 0.5]),
])
def test_numbers_stored_as_text(cells: list[str], fmt: str, values: list[float | None]) -> None:
    column = pl.Series("c", cells)
    assert casting.number_format(column) == fmt
    assert casting.parse_numbers(column, fmt).to_list() == values


@pytest.mark.parametrize(("cells", "moment"), [
    (["2020-02-29", "2021-03-04", "2022-12-31"], datetime(2020, 2, 29)),
    (["29.02.2020", "04.03.2021", "31.12.2022"], datetime(2020, 2, 29)),
    (["02/29/2020", "03/04/2021", "12/31/2022"], datetime(2020, 2, 29)),
    (["29/02/2020", "04/03/2021", "31/12/2022"], datetime(2020, 2, 29)),
    (["29 Feb 2020", "04 Mar 2021", "31 Dec 2022"], datetime(2020, 2, 29)),
    (["2020-02-29T12:30:00", "2021-03-04T00:00:01", "2022-12-31T23:59:59"], datetime(2020, 2, 29, 12, 30)),
    (["2020-02-29T12:30:00+02:00", "2021-03-04T00:00:01+00:00", "2022-12-31T23:59:59-05:00"], datetime(2020, 2, 29, 10, 30)),
    (["2020-02-29 12:30:00.250", "2021-03-04 00:00:01.5", "2022-12-31 23:59:59.0"], datetime(2020, 2, 29, 12, 30, 0, 250_000)),
])
def test_dates_in_many_formats(cells: list[str], moment: datetime) -> None:
    column = pl.Series("d", cells * 5)
    found = casting.date_format(column)
    assert found is not None and found[1] == 1.0
    assert casting.parse_dates(column, found[0])[0] == moment
    assert casting.parse_dates(column, found[0]).null_count() == 0


def test_text_and_numbers_are_no_dates() -> None:
    for cells in (["a-b", "c-d", "e-f"], ["1.5", "2.5", "3.5"], ["10-20", "30-40", "50-60"], ["male", "female", "other"]):
        assert casting.date_format(pl.Series("x", cells * 10)) is None


def test_role_casts_make_one_level_of_1_and_1_0() -> None:
    assert casting.to_category(pl.Series("c", [1.0, 2.0, None])).to_list() == ["1", "2", None]
    assert casting.to_category(pl.Series("c", [1.5, 2.0])).to_list() == ["1.5", "2.0"]


def test_registry_proposes_and_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    found = propose(path)
    assert found is not None and found.value == "tabular"
    assert kind("tabular").room("reading") is reading
    with pytest.raises(UsageError, match="unknown kind") as caught:
        kind("tabluar")
    assert "tabular" in caught.value.remedy


def test_unknown_encoding_and_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 20)
    for wish in ({"encoding": "klingon"}, {"delimiter": "ab"}):
        with pytest.raises(BadInputError):
            reading.read_raw(view(path, reading=wish))
    assert reading.read_raw(view(path, reading={"delimiter": "comma", "encoding": "ascii"})).frame.height == 20
