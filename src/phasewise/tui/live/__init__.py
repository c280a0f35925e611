"""Live runs without Textual: series with bounded memory, the state of a run folded from its events."""
