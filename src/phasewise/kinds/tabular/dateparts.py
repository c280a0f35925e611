"""Parts of dates (D20), column by column as fastai's `add_datepart`."""

import polars as pl

FLAGS = ("Is_month_end", "Is_month_start", "Is_quarter_end", "Is_quarter_start", "Is_year_end", "Is_year_start")
CALENDAR = ("Month", "Week", "Dayofweek")
"""Cyclic parts that become categories, so that a network can learn weekly and yearly cycles."""
LINEAR = ("Year", "Day", "Dayofyear", "Elapsed")


def date_parts(column: pl.Series, *, time: bool = False) -> dict[str, pl.Series]:
    """All parts of a Datetime column: Year, Month, Week (ISO), Day, Dayofweek (Monday 0), Dayofyear, six flags, Elapsed (seconds since 1970).

    With `time` also Hour, Minute, Second. A missing date gives missing parts.
    """
    frame = pl.DataFrame({"d": column})
    d = pl.col("d")
    first_of_quarter = (d.dt.month() - 1) % 3 == 0
    last_of_quarter = d.dt.month() % 3 == 0
    start, end = d.dt.day() == 1, d.dt.date() == d.dt.month_end().dt.date()
    parts = {
        "Year": d.dt.year(), "Month": d.dt.month(), "Week": d.dt.week(), "Day": d.dt.day(), "Dayofweek": d.dt.weekday() - 1, "Dayofyear": d.dt.ordinal_day(),
        "Is_month_end": end, "Is_month_start": start, "Is_quarter_end": end & last_of_quarter, "Is_quarter_start": start & first_of_quarter,
        "Is_year_end": end & (d.dt.month() == 12), "Is_year_start": start & (d.dt.month() == 1), "Elapsed": d.dt.epoch("us") // 1_000_000,
    }
    if time:
        parts |= {"Hour": d.dt.hour(), "Minute": d.dt.minute(), "Second": d.dt.second()}
    out = frame.select([e.cast(pl.Int64).alias(n) for n, e in parts.items()])
    return {n: out[n] for n in parts}


def has_clock(column: pl.Series) -> bool:
    """Whether any date carries a time of day."""
    filled = column.drop_nulls()
    return bool(((filled.dt.hour() > 0) | (filled.dt.minute() > 0) | (filled.dt.second() > 0)).any()) if len(filled) else False
