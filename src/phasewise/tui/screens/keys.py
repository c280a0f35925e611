"""All keys with their ids, and how to change them."""

from textual.widget import Widget

from phasewise.tui import keys
from phasewise.tui.screens.modal import Modal
from phasewise.tui.settings import Settings, config_file
from phasewise.tui.widgets.table import Column, Table


class KeysScreen(Modal):
    """The key table; what the user's settings changed is marked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("Keys", foot=f"change them in {settings.file or config_file()}: [keys] id = \"key\"   Esc closes")
        self.settings = settings

    def body(self) -> list[Widget]:
        """Key, what it does, group, id."""
        columns = [Column(title="key", width=12), Column(title="does", flex=2), Column(title="group", width=7, drop=2), Column(title="id", least=10, drop=1)]
        self.table = Table(columns, title="keys", classes="choices")
        return [self.table]

    def on_mount(self) -> None:
        """Fill the table: ours, then the keys of fields, which are fixed."""
        mine = self.settings.keys
        rows = [[(k, "bold key"), title, (group, "muted"), (id_, "warn" if id_ in mine else "muted")] for group, id_, k, title in keys.listing(mine)]
        fixed = [
            ("Tab, Down", "next field", "Fields"), ("Left, Right", "choose an option", "Fields"), ("Space", "switch a box", "Fields"), ("Delete", "recommended again", "Fields"),
        ]
        self.table.fill(rows + [[(k, "bold key"), does, (group, "muted"), ""] for k, does, group in fixed])
