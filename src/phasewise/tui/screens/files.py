"""A file picker: folders first, data files marked, typing narrows the list."""

import os
from pathlib import Path

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from phasewise.tui.numbers import size
from phasewise.tui.screens.modal import Modal
from phasewise.tui.widgets.table import Column, Table

DATA = (".csv", ".tsv", ".txt", ".parquet", ".gz", ".zip", ".npz", ".jsonl")
MOST = 2000
PROJECT = "phasewise.toml"


class FilePicker(Modal):
    """Dismisses with a path, or None. `folders` picks a folder instead of a file."""

    BINDINGS = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("f6", "here", show=False),
    ]

    def __init__(self, start: Path, *, folders: bool = False) -> None:
        super().__init__("Choose a folder" if folders else "Choose a file, or a folder of pictures", foot="type or paste a path, Enter opens, Backspace goes up, F6 this folder, Esc closes")
        self.place = self.start = start.expanduser().absolute() if start.is_dir() else Path.cwd()
        self.folders = folders
        self.entries: list[Path] = []

    def body(self) -> list[Widget]:
        """Where we are, search line, entries."""
        self.table = Table([Column(title="", flex=2), Column(title="", right=True, width=9)], classes="choices", empty="Nothing here.")
        self.table.always = self.table.instant = True
        return [PickerInput(placeholder="type to narrow", compact=True, classes="modal-search"), self.table]

    def on_mount(self) -> None:
        """List the folder."""
        self.list_folder("")

    def list_folder(self, words: str) -> None:
        """Show the entries of the folder that hold the words; a folder that cannot be read is said so."""
        try:
            found = [p for i, p in enumerate(self.place.iterdir()) if i < MOST and not p.name.startswith(".")]
        except OSError as e:
            found = []
            self.table.empty = f"Cannot read this folder: {e.strerror or e}"
        found = [p for p in found if (p.is_dir() or not self.folders) and words.lower() in p.name.lower()]
        self.entries = [self.place.parent, *sorted(found, key=lambda p: (not p.is_dir(), not p.name.lower().endswith(DATA), p.name.lower()))]
        rows = [[("..", "muted"), ""]]
        for p in self.entries[1:]:
            folder = p.is_dir()
            tone = "key" if folder else "ink" if p.name.lower().endswith(DATA) else "muted"
            rows.append([(p.name + ("/" if folder else ""), tone), "" if folder else (_size(p), "muted")])
        self.table.columns[0] = Column(title=str(self.place), flex=2)
        self.table.cursor = 0
        self.table.fill(rows)
        self.table.go(1 if len(rows) > 1 and words else 0)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        typed = pasted(event.value)
        if "/" not in typed:
            self.list_folder("" if typed in ("~", ".", "..") else typed)
            return
        folder, _, words = typed.rpartition("/")
        place = self.start / Path(f"{folder}/").expanduser()
        if place.is_dir():
            self.place = Path(os.path.normpath(place))
        self.list_folder(words)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = pasted(event.value)
        typed = self.start / Path(text).expanduser()
        if "/" in text and typed.is_file() and not self.folders:
            self.dismiss(typed)
        elif "/" in text and typed.is_dir():
            self.enter(typed)
        else:
            self._take(self.table.cursor)

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self._take(event.row)

    def _take(self, row: int) -> None:
        if not 0 <= row < len(self.entries):
            return
        path = self.entries[row]
        if self.folders and (path / PROJECT).is_file():
            self.dismiss(path)
        elif path.is_dir():
            self.enter(path)
        else:
            self.dismiss(path)

    def enter(self, folder: Path) -> None:
        """Go into a folder."""
        self.place = Path(os.path.normpath(folder))
        line = self.query_one(Input)
        if line.value:
            line.value = ""
        else:
            self.list_folder("")

    def action_move(self, by: int) -> None:
        """Move in the list while the search line has the focus."""
        self.table.action_move(by)

    def action_here(self) -> None:
        """Take the folder that is shown."""
        self.dismiss(self.place)


def pasted(text: str) -> str:
    """A path as people paste it: quotes round it and a file:// before it are taken off."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text.removeprefix("file://")


class PickerInput(Input):
    """The search line; Backspace on an empty line goes up a folder."""

    def action_delete_left(self) -> None:
        """Delete a character, or go up."""
        if self.value:
            super().action_delete_left()
        elif isinstance(self.screen, FilePicker):
            self.screen.enter(self.screen.place.parent)


def _size(path: Path) -> str:
    try:
        return size(path.stat().st_size)
    except OSError:
        return ""
