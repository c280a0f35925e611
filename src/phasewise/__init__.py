"""Phasewise: a deep-learning project, phase by phase, in the terminal."""

__version__ = "0.1.0"
