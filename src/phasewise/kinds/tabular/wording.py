"""A free-text column as numbers: lengths, and which of the most common words a cell holds; the vocabulary is learned on training rows only."""

import hashlib
from collections import Counter

import numpy as np
import polars as pl

BUCKETS = 32
WORDS, CELLS = 200, 20_000_000
"""Words kept at most, and numbers made at most for a column (long tables keep fewer words)."""
RARE, COMMON = 0.01, 0.8
"""A word must stand in at least this share of the cells (and ten of them), and in no more than that."""


def _split(column: pl.Series) -> list[list[str]]:
    return column.fill_null("").str.to_lowercase().str.slice(0, 10_000).str.extract_all(r"[^\W\d_]{2,}|\d+").to_list()


def vocabulary(column: pl.Series, rows: np.ndarray) -> list[str]:
    """The words of the given rows by how many cells hold them, most first; ties in alphabetical order."""
    counts: Counter[str] = Counter()
    cells = _split(column.gather(rows))
    for cell in cells:
        counts.update(set(cell))
    least = max(10, RARE * len(cells))
    kept = sorted((word for word, n in counts.items() if least <= n <= COMMON * len(cells)), key=lambda w: (-counts[w], w))
    return kept[: min(WORDS, CELLS // max(len(column), 1))]


def numbers(column: pl.Series, words: list[str] | None) -> dict[str, np.ndarray]:
    """Characters, words, and a 0/1 column for each word of the vocabulary; without one, for each of 32 hash buckets."""
    cells = column.fill_null("")
    split = _split(column)
    out = {
        f"{column.name} characters": cells.str.len_chars().cast(pl.Float64).to_numpy(),
        f"{column.name} words": cells.str.count_matches(r"\S+").cast(pl.Float64).to_numpy(),
    }
    place = {w: i for i, w in enumerate(words)} if words is not None else {}
    marks = np.zeros((len(cells), len(place) if words is not None else BUCKETS))
    for row, cell in enumerate(split):
        for word in cell:
            if words is None and word not in place:
                place[word] = hashlib.blake2b(word.encode(), digest_size=4).digest()[0] % BUCKETS
            if (at := place.get(word)) is not None:
                marks[row, at] = 1
    names = [f"{column.name}: {w}" for w in words] if words is not None else [f"{column.name} bucket {b + 1}" for b in range(BUCKETS)]
    return out | {name: marks[:, i] for i, name in enumerate(names)}
