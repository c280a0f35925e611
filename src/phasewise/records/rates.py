"""Which learning rate is in force: the finder's or the one measured for a family. Apart from the schedules, which load numpy."""

TRUST = 10.0
"""A rate measured for a family stands until the finder says that a tenth of it is too much already: on real tables the finder's own rate was
within 4x of the best of a grid in 6 of 10 cases, the family's in 8, and the finder erred upwards (`benchmarks/results/lr-used.md`)."""


def rate_in_force(found: float, usual: float | None) -> float:
    """The rate training takes: the finder's where none is known for the family, else the family's, which the finder can only lower (T02)."""
    if usual is None:
        return found
    return usual if found * TRUST >= usual else float(f"{found * TRUST:.3g}")
