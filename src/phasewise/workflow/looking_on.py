"""A second viewer's eyes: what the writer of another window added to journal, answers and runs is taken up."""

from typing import Any

from phasewise.records.errors import PhasewiseError
from phasewise.workflow.facts import fold


class Onlooker:
    """Bound to a read-only session; holds what was seen last, so that a look at an unchanged project costs two small reads."""

    def __init__(self, session: Any, entries: list[Any], stored: dict[str, dict[str, Any]]) -> None:
        self._session, self._stored = session, stored
        self._runs = {run.id for run in session.runs()}
        self._seq = self._last(entries)

    def look(self) -> bool:
        """Take up what changed; whether anything did."""
        session = self._session
        entries, stored = session.project.journal.entries(), self._settings()
        runs = {run.id for run in session.runs()}
        if (self._last(entries), stored, runs) == (self._seq, self._stored, self._runs):
            return False
        self._seq, self._stored, self._runs = self._last(entries), stored, runs
        session.facts = fold(entries)
        session.book.load(stored, session.facts.accepted)
        session.adopt_finished_runs()
        session.refresh()
        return True

    def _settings(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(self._session.project.settings.load())
        except PhasewiseError:  # written by hand meanwhile: the answers read last stay
            return self._stored

    @staticmethod
    def _last(entries: list[Any]) -> int:
        return entries[-1].seq if entries else -1
