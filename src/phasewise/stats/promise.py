"""Where the score of sealed rows will fall, said before they are opened (E01, E04); without numpy, so that the app can say it too."""

import math
from typing import Any


def promised(validation: Any, corrected: float, rows: int) -> tuple[float, float]:
    """The 95 % prediction interval of a score on `rows` new rows: validation's own noise and, as large as the parts differ in size, theirs (E01).

    `validation` is a `Score`, `corrected` its value less luck. An interval of the validation score alone says where the true value lies, not where
    the score of a finite test part will fall: both are noisy, so the halves are widened by sqrt(1 + n_validation / n_test). A share goes out to the
    next whole row. Halves stay as uneven as validation's own (Wilson, DeLong).
    """
    wider = math.sqrt(1 + validation.n / max(rows, 1))
    low, high = corrected - wider * (validation.value - validation.low), corrected + wider * (validation.high - validation.value)
    if validation.metric == "accuracy" and rows:  # a share of so many rows is a whole number of them
        low, high = max(math.floor(low * rows) / rows, 0.0), min(math.ceil(high * rows) / rows, 1.0)
    return low, high
