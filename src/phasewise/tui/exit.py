"""What the app hands back to the command line when it ends."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ExitInfo:
    """How the app ended and what is worth printing on the normal screen."""

    code: int = 0
    folder: str = ""
    run: str = ""
    """Run left running, or the last one seen."""
    run_state: str = ""
    best: str = ""
    """Best value so far with its metric, ready to print."""
    command: str = ""
    """The command that comes back to this project."""
    lines: list[str] = field(default_factory=list)
    """More lines to print, for example an error's cause and log path."""

    def text(self) -> str:
        """The lines to print after the terminal is restored; empty when there is nothing to say."""
        out = list(self.lines)
        if self.run:
            out.append(f"run {self.run}: {self.run_state or 'unknown'}")
        if self.best:
            out.append(f"best so far: {self.best}")
        if self.command:
            out.append(f"come back with: {self.command}")
        return "\n".join(out)
