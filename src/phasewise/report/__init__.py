"""The report: everything a reader needs to trust a number, built from the journal alone (E08, V14)."""

from phasewise.report.build import Report, build, write

__all__ = ["Report", "build", "write"]
