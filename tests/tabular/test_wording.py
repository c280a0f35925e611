"""Free text of a table: its common words become inputs, learned on training rows only, the same ever after."""

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.tabular import wording


def test_the_vocabulary_comes_from_the_given_rows_and_leaves_out_the_rare_and_the_everywhere():
    cells = ["the good film"] * 40 + ["the bad film number 7"] * 40 + ["the odd thing"] * 5 + ["unseen words"] * 20
    column = pl.Series("review", cells)
    words = wording.vocabulary(column, np.arange(85))
    assert set(words) == {"bad", "good", "number", "7"}, "'the' and 'film' stand nearly everywhere, 'odd' in five cells, 'unseen' in no training row"


@pytest.mark.parametrize("words", [["good", "bad"], None])
def test_words_become_columns_and_missing_cells_are_empty(words):
    found = wording.numbers(pl.Series("t", ["Good, good!", "not BAD", None]), words)
    assert found["t characters"].tolist() == [11, 7, 0] and found["t words"].tolist() == [2, 2, 0]
    if words:
        assert found["t: good"].tolist() == [1, 0, 0] and found["t: bad"].tolist() == [0, 1, 0]
    else:
        buckets = np.stack([v for k, v in found.items() if "bucket" in k])
        assert len(buckets) == wording.BUCKETS and buckets[:, 0].sum() == 1 and buckets[:, 2].sum() == 0
