"""The sealed test set: sealing, freezing, opening (checks.md 7.3, 7.4, 7.7; E01, E02).

Only the jobs `split` and `open_vault` and the wings' `splitting` may import this module (an import contract holds it).
An opening is in the ledger, durably, before a single test row leaves.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import phasewise
from phasewise.project import atomic, scramble
from phasewise.project.journal import Entry
from phasewise.project.lock import Lock
from phasewise.project.manifest import complete
from phasewise.project.vault_ledger import CONTAINER, MANIFEST, NEXT, SEALS, VAULT, Ledger, container_of, verify
from phasewise.records.errors import GateError, StorageError

MAX_LOOKS = 3
MAX_RESPLITS = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The test rows as they were sealed, and which look this is."""

    data: bytes
    look: int
    level: float
    """Interval level: 1 - 0.05 / look unless another was asked for."""
    generation: int
    manifest: dict[str, Any]


class Vault:
    """The vault of a project folder; a context manager that holds the vault's lock."""

    def __init__(self, project_folder: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = Path(project_folder) / VAULT
        self._project = Path(project_folder)
        self._clock = clock
        with atomic.clear_errors(self.folder, "create"):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = Lock(self.folder / "lock")
        if not self._lock.acquire():
            raise StorageError("the vault is in use", f"{self._lock.why_not}.", "Wait until the other job has ended.")
        atomic.sweep(self.folder)
        self.ledger = Ledger(self.folder, writable=True)
        self._roll_forward()

    def seal(self, data: bytes, manifest: dict[str, Any], *, reason: str = "") -> str:
        """Seals test rows and returns the manifest's digest; the same generation again is a logged re-split.

        `manifest` needs `claim, policy, seed, sources, parts` (with `parts.test.rows`), and `generation` from the second on.
        Raises `GateError` for a fourth re-split, a re-split after the set was opened, or one after scores were counted that has no reason.
        """
        before = self.ledger.seal()
        generation = int(manifest.get("generation", self.ledger.generation() or 1))
        kind = self._kind_of_seal(before, generation, reason)
        key, nonce = scramble.new_key()
        container = scramble.close_up(data, key, nonce)
        digest = hashlib.sha256(container).hexdigest()
        full = complete(
            manifest, project=self._project.name, generation=generation, created=round(self._clock(), 3), tool=phasewise.__version__,
            container={"sha256": digest, "bytes": len(container)},
        )
        atomic.replace(self.folder / NEXT, container)
        if kind == "reseal" and not self.ledger.of_generation("demote"):
            self.ledger.append("demote", {"generation": self.ledger.generation(), "reason": reason or f"generation {generation} replaces it"})
        self.ledger.append(kind, {"generation": generation, "manifest": full, "container": digest, "key": key, "nonce": nonce, "reason": reason})
        self._roll_forward()
        return str(full["digest"])

    def manifest(self) -> dict[str, Any]:
        """The manifest of the seal in force. Raises `StorageError` when nothing is sealed."""
        return dict(self._seal().data["manifest"])

    def freeze(self, digest: str, facts: dict[str, Any]) -> None:
        """Records the frozen candidate (model and recipe hash, threshold, metric, claim) that an opening will name; twice is once."""
        last = self.ledger.of_generation("freeze")
        if not last or last[-1].data["freeze"] != digest:
            self.ledger.append("freeze", {"generation": self.ledger.generation(), "freeze": digest, "facts": facts})

    def count_scores(self, facts: dict[str, Any], count: int = 1) -> None:
        """Records validation evaluations (config hash, seed, metric, n): they count K."""
        self.ledger.append("validation-score", {"generation": self.ledger.generation(), "count": count, **facts})

    def override(self, reason: str) -> None:
        """Records that a person went on against a rule, and why; allows one opening beyond the limit."""
        self.ledger.append("override", {"generation": self.ledger.generation(), "reason": reason})

    def open_container(self, reason: str, freeze: str, level: float | None = None, *, run: str = "", limit: int = MAX_LOOKS) -> Opening:
        """One look: checks chain, manifest and container, writes the opening into the ledger, then returns the rows.

        The same `run` with the same `freeze` as the last opening is that look again (a job that was killed and resumed).
        Raises `GateError` without a freeze of this digest, without a reason from the second look on, or beyond `limit`;
        `StorageError` when anything was changed since the sealing.
        """
        seal = self._seal()
        audit = verify(self._project)
        if not audit.ok:
            raise StorageError("the vault was changed since it was sealed", " ".join(audit.problems), "Bring back the vault folder from a copy, or make a new generation.")
        if self.ledger.of_generation("demote"):
            raise GateError("this test set is burnt", "It was demoted to ordinary rows.", "Make a new generation with fresh data.")
        frozen = self.ledger.of_generation("freeze")
        if not frozen or frozen[-1].data["freeze"] != freeze:
            raise GateError("the candidate is not frozen", "The test set opens only for a frozen model, recipe, threshold and claim.", "Freeze the candidate in the verify phase first.")
        opened = self.ledger.of_generation("open")
        last = opened[-1].data if opened else {}
        if not (run and last.get("run") == run and last.get("freeze") == freeze):
            look = len(opened) + 1
            self._check_look(look, reason, limit)
            last = {"generation": audit.generation, "look": look, "reason": reason, "freeze": freeze, "level": level or 1 - 0.05 / look, "run": run, "manifest": audit.manifest}
            self.ledger.append("open", last)
        return Opening(data=self._rows(seal), look=int(last["look"]), level=float(last["level"]), generation=audit.generation, manifest=self.manifest())

    def demote(self, reason: str) -> bytes:
        """Gives the test rows of this generation back as ordinary rows and marks the set as burnt; a new generation must follow (7.8)."""
        seal = self._seal()
        self.ledger.append("demote", {"generation": self.ledger.generation(), "reason": reason})
        return self._rows(seal)

    def store(self, name: str, data: bytes) -> None:
        """Keeps predictions on the test rows beside the container, scrambled alike, for paired comparisons in later looks."""
        seal = self._opened()
        nonce = scramble.new_key()[1]
        container = scramble.close_up(data, seal.data["key"], nonce)
        path = self._stored_path(name)
        with atomic.clear_errors(path):
            path.parent.mkdir(mode=0o700, exist_ok=True)
        atomic.replace(path, container)
        self.ledger.append("stored", {"generation": self.ledger.generation(), "name": name, "sha256": hashlib.sha256(container).hexdigest(), "nonce": nonce})

    def stored(self, name: str) -> bytes:
        """What was kept under a name in this generation. Raises `StorageError` when it is missing or was changed."""
        seal = self._opened()
        entry = next((e for e in reversed(self.ledger.of_generation("stored")) if e.data["name"] == name), None)
        container = atomic.read(self._stored_path(name)) if entry else b""
        if entry is None or hashlib.sha256(container).hexdigest() != entry.data["sha256"]:
            raise StorageError(f"the stored predictions {name!r} are missing or were changed", "They are not what the ledger names.", "Open the test set again for that model, if the rules allow.")
        return scramble.open_up(container, seal.data["key"], entry.data["nonce"])

    def stored_names(self) -> list[str]:
        """The names kept in this generation, oldest first."""
        return list(dict.fromkeys(str(e.data["name"]) for e in self.ledger.of_generation("stored")))

    def close(self) -> None:
        """Gives ledger and lock back."""
        self.ledger.close()
        self._lock.release()

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _kind_of_seal(self, before: Entry | None, generation: int, reason: str) -> str:
        if before is None:
            return "seal"
        now = self.ledger.generation()
        if generation == now + 1:
            return "reseal"
        if generation != now:
            raise ValueError(f"generation {generation} does not follow generation {now}")
        if self.ledger.evaluations() and not self.ledger.looks() and not reason.strip():
            raise GateError("models were scored on this split", f"{self.ledger.evaluations()} validation scores were seen; parts drawn anew after that may be chosen by them.", "Take back the answer that changed it (`phasewise status` names it and what it was), or give a reason, which the vault's ledger keeps: phasewise run data --reopen data=REASON (R in the app).")
        if self.ledger.looks():
            raise GateError("the split cannot be changed any more", "The test set was opened.", "Take back the answer that changed it (`phasewise status` names it and what it was), or make new sets from real cases: phasewise vault renew FILE --reason TEXT.")
        if len(self.ledger.of_generation("resplit")) >= MAX_RESPLITS:
            raise GateError("the split was changed too often", f"{MAX_RESPLITS} re-splits are allowed; choosing among more splits fits the test set by hand.", "Keep this split, or make a new generation.")
        return "resplit"

    def _check_look(self, look: int, reason: str, limit: int) -> None:
        if look > 1 and not reason.strip():
            raise GateError("a second look needs a reason", f"This would be look {look}.", "Write what changed since the last look and why another is needed.")
        allowed = limit + len(self.ledger.of_generation("override"))
        if look > allowed:
            raise GateError("the test set was opened too often", f"{look - 1} looks were taken, {allowed} are allowed for this generation.", "Collect fresh data and make a new generation.")

    def _seal(self) -> Entry:
        seal = self.ledger.seal()
        if seal is None:
            raise StorageError("no test set is sealed", "The data were not split yet.", "Finish the data phase first.")
        return seal

    def _opened(self) -> Entry:
        if not self.ledger.looks():
            raise GateError("the test set was not opened", "Predictions on it can exist only after an opening.", "Open it in the verify phase.")
        return self._seal()

    def _rows(self, seal: Entry) -> bytes:
        container = container_of(self.folder, seal)
        if container is None:
            raise StorageError("the sealed container is missing or was changed", "Its bytes are not those that were sealed.", "Bring back the vault folder from a copy.")
        return scramble.open_up(container, seal.data["key"], seal.data["nonce"])

    def _stored_path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise ValueError(f"not a name for stored predictions: {name!r}")
        return self.folder / "store" / f"{self.ledger.generation()}-{name}.bin"

    def _roll_forward(self) -> None:
        """Finishes a sealing that was cut after its ledger entry; sweeps one that was cut before it."""
        seal = self.ledger.seal()
        waiting = self.folder / NEXT
        if waiting.exists():
            if seal and hashlib.sha256(atomic.read(waiting)).hexdigest() == seal.data["container"]:
                atomic.publish(waiting, self.folder / CONTAINER)
            else:
                atomic.remove(waiting)
        if seal and self._manifest_is_behind(seal):
            atomic.replace(self.folder / MANIFEST, json.dumps(seal.data["manifest"], indent=1, sort_keys=True).encode())

    def _manifest_is_behind(self, seal: Entry) -> bool:
        """Whether manifest.json is missing or that of an earlier seal (a cut between two writes); a changed one is left for the audit."""
        try:
            found = json.loads(atomic.read(self.folder / MANIFEST))
        except StorageError:
            return True
        except ValueError:
            return False
        return any(found == e.data["manifest"] for e in self.ledger.entries() if e.kind in SEALS and e.seq < seal.seq)
