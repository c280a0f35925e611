"""Data checks: a table in, findings with remedies out. No torch; polars and scikit-learn, so the worker's side of the house."""
