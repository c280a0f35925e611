"""The vault's ledger and its audit: who sealed, froze and looked, in a chain that shows every change (checks.md 7.3).

Nothing here returns a test row, so anybody may import it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.project import atomic
from phasewise.project.journal import Entry, Journal
from phasewise.project.manifest import digest_of
from phasewise.records.errors import StorageError

VAULT = "vault"
LEDGER = "ledger.jsonl"
MANIFEST = "manifest.json"
CONTAINER = "container.bin"
NEXT = "container.next.bin"
KINDS = frozenset({"seal", "resplit", "reseal", "validation-score", "freeze", "open", "stored", "demote", "override"})
SEALS = frozenset({"seal", "resplit", "reseal"})


class Ledger:
    """The ledger of one vault, folded into what counts."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self.folder = Path(folder)
        self._journal = Journal(self.folder / LEDGER, writable=writable)
        if self._journal.damage:
            raise StorageError("the vault's ledger was changed", self._journal.damage, "Bring back the vault folder from a copy; results that rest on it cannot be trusted.")

    def append(self, kind: str, data: dict[str, Any]) -> Entry:
        """One entry, durable before this returns."""
        if kind not in KINDS:
            raise ValueError(f"not a kind of ledger entry: {kind!r}")
        return self._journal.append(kind, data)

    def entries(self, kind: str = "") -> list[Entry]:
        """All entries, or those of one kind."""
        return self._journal.entries(kind)

    def close(self) -> None:
        """Gives the file back."""
        self._journal.close()

    def seal(self) -> Entry | None:
        """The entry of the seal in force, or None."""
        return next((e for e in reversed(self.entries()) if e.kind in SEALS), None)

    def generation(self) -> int:
        """The generation of the seal in force; 0 before the first."""
        seal = self.seal()
        return int(seal.data["generation"]) if seal else 0

    def of_generation(self, kind: str) -> list[Entry]:
        """The entries of a kind that belong to the generation in force."""
        now = self.generation()
        return [e for e in self.entries(kind) if e.data.get("generation") == now]

    def looks(self) -> int:
        """How often the test set of this generation was opened."""
        return len(self.of_generation("open"))

    def evaluations(self) -> int:
        """K: validation evaluations recorded in this generation."""
        return sum(int(e.data.get("count", 1)) for e in self.of_generation("validation-score"))

    def counted(self) -> int:
        """Validation evaluations recorded since the parts were last drawn."""
        seal = self.seal()
        return sum(int(e.data.get("count", 1)) for e in self.entries("validation-score") if seal is None or e.seq > seal.seq)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audit of a vault found; counts and digests only."""

    ok: bool
    problems: list[str]
    sealed: bool
    generation: int
    looks: int
    manifest: str


def verify(project_folder: Path, *, manifest: str = "", looks: int | None = None) -> Audit:
    """Recomputes chain, manifest and container; `manifest` and `looks` (of all generations) are what the project's journal says they were.

    The comparison with the journal finds a ledger that was cut or exchanged as a whole, which no chain can show by itself.
    """
    folder = Path(project_folder) / VAULT
    if manifest and not folder.is_dir():
        return Audit(ok=False, problems=[f"The {VAULT}/ folder is missing: bring it back to where it was."], sealed=False, generation=0, looks=0, manifest="")
    try:
        ledger = Ledger(folder, writable=False)
    except StorageError as error:
        return Audit(ok=False, problems=[f"{error.title}: {error.cause}"], sealed=False, generation=0, looks=0, manifest="")
    seal = ledger.seal()
    problems = _problems(folder, seal) if seal else []
    found = str(seal.data["manifest"]["digest"]) if seal else ""
    if manifest and manifest != found:
        problems.append("The seal in force is not the one the journal knows: the ledger was cut or exchanged.")
    opened = len(ledger.entries("open"))
    if looks is not None and looks > opened:
        problems.append(f"The journal knows {looks} openings, the ledger {opened}: the ledger was cut or exchanged.")
    return Audit(ok=not problems, problems=problems, sealed=seal is not None, generation=ledger.generation(), looks=ledger.looks(), manifest=found)


def _problems(folder: Path, seal: Entry) -> list[str]:
    problems = []
    manifest = seal.data["manifest"]
    if digest_of(manifest) != manifest["digest"]:
        problems.append("The manifest in the ledger does not fit its digest.")
    try:
        if json.loads(atomic.read(folder / MANIFEST)) != manifest:
            problems.append(f"{MANIFEST} is not the manifest that was sealed.")
    except (StorageError, ValueError):
        problems.append(f"{MANIFEST} is missing or cannot be read.")
    if container_of(folder, seal) is None:
        problems.append("The sealed container is missing or was changed.")
    return problems


def container_of(folder: Path, seal: Entry) -> bytes | None:
    """The container that a seal names, byte for byte, or None; the next one counts when a cut came before its rename."""
    for name in (CONTAINER, NEXT):
        try:
            data = atomic.read(folder / name)
        except StorageError:
            continue
        if hashlib.sha256(data).hexdigest() == seal.data["container"]:
            return data
    return None
