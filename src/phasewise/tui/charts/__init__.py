"""Charts: numbers in, rows of text out; only `plot.py` knows plotext."""
