"""The roles of the columns: Enter changes the role of a column, Esc takes the changes."""

from typing import Any, get_args

from textual import on
from textual.widget import Widget

from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.table import Column, Table


class RolesScreen(Modal):
    """Dismisses with column -> role for the roles that differ from what was found."""

    def __init__(self, value: dict[str, str]) -> None:
        super().__init__("What is each column?", foot="Enter changes the role, Esc takes the changes")
        self.roles = dict(value)

    def body(self) -> list[Widget]:
        """All columns of the profile."""
        columns = [Column(title="column", least=10), Column(title="role", width=10), Column(title="found because", flex=2, drop=1)]
        self.table = Table(columns, classes="choices", empty="The file has not been read yet: run the profile on the data page first.")
        return [self.table]

    def on_mount(self) -> None:
        """Fill the list."""
        evidence = self.app.desk.evidence("profile")  # type: ignore[attr-defined]
        self.found: list[Any] = list(evidence.result.columns) if evidence else []
        self._fill()

    def _fill(self) -> None:
        self.table.fill([[c.name, (self.roles[c.name], "bold key") if c.name in self.roles else c.role, (c.reason, "muted")] for c in self.found])

    @on(Table.Chosen)
    def _next_role(self, event: Table.Chosen) -> None:
        from phasewise.records.answers.data import Role

        roles = list(get_args(Role))
        column = self.found[event.row]
        now = self.roles.get(column.name, column.role)
        new = roles[(roles.index(now) + 1) % len(roles)] if now in roles else roles[0]
        if new == column.role:
            self.roles.pop(column.name, None)
        else:
            self.roles[column.name] = new
        self._fill()

    def action_leave(self) -> None:
        """Take the changes."""
        self.dismiss(self.roles)
