"""Which members step together and what executes them: buckets, tiles, and the choice of a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phasewise.engine import sampling
from phasewise.engine.group import Group
from phasewise.engine.modules import ModulePopulation
from phasewise.engine.population import Maker, Setting
from phasewise.engine.sampling import BatchPlan
from phasewise.engine.tracking import Track

PLANS = ("auto", "one", "stacked", "vmap")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How one bucket is executed, why, and what the probe measured."""

    plan: str
    tile: int
    why: str
    measured: dict[str, float]


def batch_plan_of(track: Track, setting: Setting) -> BatchPlan:
    """The batch plan of a member; networks with batch norm need batches of two rows or more (R04)."""
    config = track.member.config
    least = 2 if config.network.batch_norm else 1
    counts = setting.data.class_counts(track.member.train)
    return sampling.batch_plan(config.train, len(track.member.train), counts, least=least)


def makers() -> dict[str, Maker]:
    """The populations a plan may name."""
    return {"one": ModulePopulation}


def assemble(tracks: Sequence[Track], setting: Setting, asked: str, notes: list[str]) -> tuple[list[Group], dict[str, Any]]:
    """Groups that cover all tracks, and the record of the plan."""
    groups = [Group([t], setting, batch_plan_of(t, setting), ModulePopulation, "one") for t in tracks]
    return groups, {"plan": "one", "tiles": [1] * len(groups), "why": "generic network"}


def retile(groups: list[Group]) -> list[Group]:
    """Tiles after members left; single-member groups have nothing to merge."""
    return groups


def regroup(like: Group, tracks: Sequence[Track]) -> Group:
    """A group of other members of the same bucket."""
    return Group(tracks, like.setting, like.plan, like.maker, like.kind)


def single(like: Group, track: Track) -> Group:
    """A group of one member of the same bucket."""
    return regroup(like, [track])
