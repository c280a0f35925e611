"""What stands around a table in exported files: titles, comments, second headers, units, footers, totals, blanks as delimiters."""

from pathlib import Path

import numpy as np
import pytest

from phasewise.kinds.tabular.reading import read_raw
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView

HEAD = ["age", "income", "region", "visits", "left"]


def rows(n: int = 60) -> list[list[str]]:
    """Rows of an ordinary table."""
    rng = np.random.default_rng(3)
    return [[str(rng.integers(18, 80)), f"{rng.gamma(6, 7000):.2f}", str(rng.choice(["North", "South"])), str(rng.poisson(5)), str(rng.choice(["yes", "no"]))] for _ in range(n)]


def text(*lines: list[str], sep: str = ",") -> str:
    return "".join(sep.join(line) + "\n" for line in lines)


def table(tmp_path: Path, content: str, name: str = "t.csv"):
    (tmp_path / name).write_text(content, encoding="utf-8")
    return read_raw(DataView(kind="tabular", file=str(tmp_path / name)))


PLAIN = rows()
BODY = [HEAD, *PLAIN]
TOTAL = ["Total", f"{sum(float(r[1]) for r in PLAIN):.2f}", "", str(sum(int(r[3]) for r in PLAIN)), ""]
CASES = {
    "title": ("Report of the first quarter\n\n" + text(*BODY), "above the table"),
    "title under semicolons": ("Report, first quarter\n\n" + text(*BODY, sep=";"), "above the table"),
    "comments": ("# exported on Monday\n# where active = 1, region <> null\n" + text(*BODY), "2 lines above"),
    "two headers": (text(["who", "who", "where", "what", "what"], *BODY), "two header lines"),
    "units": (text(HEAD, ["years", "EUR", "", "1/month", ""], *PLAIN), "under the header"),
    "footer": (text(*BODY) + "60 rows selected\n", "below the table"),
    "total": (text(*BODY, TOTAL), "sums up"),
    "delimiters at every end": (text(*[[*line, ""] for line in BODY]), "without a name"),
    "delimiters at the ends of data": (text(HEAD, *[[*line, ""] for line in PLAIN]), "ends with a delimiter"),
    "blanks": (text(*BODY, sep="   "), "separated by blanks"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_row_of_the_table_is_left_out_and_said(tmp_path, name):
    content, said = CASES[name]
    found = table(tmp_path, content)
    plain = table(tmp_path, text(*BODY), "plain.csv")
    assert found.columns == HEAD and found.frame.equals(plain.frame)
    assert any(said in note for note in found.notes), found.notes
    again = read_raw(DataView(kind="tabular", file=str(tmp_path / "t.csv"), reading=found.reading))
    assert again.frame.equals(found.frame), "read again as it was read, it is the same table"


def test_a_plain_table_is_read_without_a_word(tmp_path):
    assert table(tmp_path, text(*BODY)).notes == []


def test_row_names_without_a_header_become_a_column(tmp_path):
    found = table(tmp_path, text(HEAD, *[[str(i + 1), *r] for i, r in enumerate(PLAIN)]))
    assert found.columns == ["row_name", *HEAD] and found.frame.height == 60 and any("row names" in n for n in found.notes)


def test_two_header_lines_that_only_together_are_unique_are_joined(tmp_path):
    body = [[str(i), str(2 * i), str(3 * i), str(i % 5)] for i in range(30)]
    found = table(tmp_path, text(["2020", "", "2021", ""], ["men", "women", "men", "women"], *body))
    assert found.columns == ["2020 men", "2020 women", "2021 men", "2021 women"] and found.frame.height == 30


def test_sums_without_a_word_are_found_but_a_last_row_that_merely_resembles_one_stays(tmp_path):
    numbers = [[str(3 * i + 1), str(i * i % 17 + 2), "a" if i % 2 else "b"] for i in range(40)]
    sums = [str(sum(int(r[j]) for r in numbers)) for j in (0, 1)]
    head = ["x", "y", "kind"]
    assert table(tmp_path, text(head, *numbers, [*sums, ""])).frame.height == 40
    assert table(tmp_path, text(head, *numbers, ["77", "9", "total"])).frame.height == 41, "a level called total is no total"
    assert table(tmp_path, text(head, *numbers, [sums[0], "9", "a"])).frame.height == 41, "one sum of two is a coincidence"
    assert table(tmp_path, text(head, *[["0", "0", "a"]] * 40, ["0", "0", ""])).frame.height == 41, "zeros sum to zero"


def test_a_row_that_is_too_short_is_still_refused(tmp_path):
    with pytest.raises(BadInputError, match="different length") as error:
        table(tmp_path, text(HEAD, *PLAIN[:30], PLAIN[30][:3], *PLAIN[31:]))
    assert "row 32 has 3 cells" in error.value.cause
    with pytest.raises(BadInputError, match="different length"):
        table(tmp_path, text(HEAD[:3], *PLAIN))
    with pytest.raises(BadInputError, match="different length"):
        table(tmp_path, text(*BODY) + "41,20\n")


def test_a_row_number_in_an_error_counts_the_lines_above_the_table(tmp_path):
    with pytest.raises(BadInputError, match="different length") as error:
        table(tmp_path, "Report\n\n" + text(HEAD, *PLAIN[:59], PLAIN[59][:4], PLAIN[0]) + text(*PLAIN))
    assert "row 63 has 4 cells" in error.value.cause


def test_a_first_row_of_data_that_lacks_numbers_is_no_line_of_units(tmp_path):
    lacking = ["NA", "?", "North", "", "yes"]
    assert table(tmp_path, text(HEAD, lacking, *PLAIN)).frame.height == 61
    words = [["alpha", "1"], *[[w, str(i)] for i, w in enumerate("beta gamma delta".split() * 8)]]
    assert table(tmp_path, text(["name", "value"], *words)).frame.height == len(words)
