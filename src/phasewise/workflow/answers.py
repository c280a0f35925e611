"""The answers as faces use them: locks checked, a change on disk when the call returns."""

from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.workflow.phases import REGISTRY
from phasewise.workflow.words import Problem, Recommendation, Source


class Answers:
    """`session.answers`: the answer book as faces use it; a change is on disk when the call returns."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def get(self, phase: str) -> Any:
        """The phase's answer model with effective values."""
        return self._session.book.get(phase)

    def value(self, phase: str, field: str) -> Any:
        """The effective value of one field."""
        return self._session.book.value(phase, field)

    def source(self, phase: str, field: str) -> Source:
        """`typed`, `flag`, `file`, `recommended` or `default`."""
        return self._session.book.source(phase, field)

    def recommendation(self, phase: str, field: str) -> Recommendation | None:
        """The current recommendation with its reason."""
        return self._session.book.recommendation(phase, field)

    def set(self, phase: str, field: str, value: Any, source: Source = "typed") -> None:
        """Decide one answer. Raises `UsageError` for a wrong value, `GateError` for an answer that is locked by now."""
        self._session.writable()
        self._check_lock(phase, field, value)
        self._session.book.set(phase, field, value, source)
        self._session.save()

    def update(self, values: dict[str, dict[str, Any]], source: Source) -> None:
        """Decide many answers at once; all are checked before any is taken."""
        self._session.writable()
        flat = [(p, f, v) for p, part in values.items() for f, v in part.items()]
        for phase, field, value in flat:
            self._check_lock(phase, field, value)
        self._session.book.update(flat, source)
        self._session.save()

    def unset(self, phase: str, field: str) -> None:
        """Take a decision back."""
        self._session.writable()
        self._check_lock(phase, field, None)
        self._session.book.unset(phase, field)
        self._session.save()

    def try_out(self, phase: str, field: str, value: Any) -> None:
        """See a project with another answer, in a session that can write nothing (`read_only`)."""
        if not self._session.read_only:
            raise UsageError("answers are tried out in a read-only session", "This one keeps what it is told.", "Open the project with read_only=True.")
        self._session.book.set(phase, field, value, "flag")

    def problems(self, phase: str) -> list[Problem]:
        """What keeps the phase from being confirmed."""
        return self._session.problems(phase)

    def confirm(self, phase: str) -> None:
        """Accept the phase's answers."""
        self._session.confirm(phase)

    def _check_lock(self, phase: str, field: str, value: Any) -> None:
        if phase not in REGISTRY:
            return
        why = REGISTRY[phase].locked_fields(self._session.view).get(field)
        if why and value != self._session.book.value(phase, field):
            raise GateError(f"{phase}.{field} can no longer be changed", why, "It stays as it was; the report compares it with what came out.")
