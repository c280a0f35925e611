"""One set of channels that can only go together (X10)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Group:
    """Coupled channels by module name; `consumers` maps a module to how many input columns belong to one channel."""

    name: str
    channels: int
    producers: list[str]
    norms: list[str] = field(default_factory=list)
    consumers: dict[str, int] = field(default_factory=dict)
