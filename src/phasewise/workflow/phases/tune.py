"""Phase 6: does it generalise to validation? (R01-R23, I01-I11, V07-V10, L08)"""

from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.jobs import SearchJob, TryIdeasJob, TrySpec
from phasewise.workflow import inspecting, loop, recipes
from phasewise.workflow.change import absolute
from phasewise.workflow.dev import data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.baseline import networks_closed
from phasewise.workflow.phases.train import wanted
from phasewise.workflow.ranking import ranked
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Recommendation

COSTLY = 2e11
"""Floating point operations of one fit above which seeds are saved."""
WORK = 1.5e13
"""Operations the phase may spend by default: about two minutes on two cores (measured: 1 to 2e11 a second). Operations, not seconds: the same on every machine."""
ENOUGH = 5
"""Ideas to write down before the first is tried by hand (I01)."""
BATCH = 5
"""Ideas tried side by side in one population."""


def fit_work(view: Any) -> float:
    """Operations of one fit: 6 a parameter, row and epoch, times the models inside one network."""
    fit = view.latest("fit")
    if fit is None or not fit.model.config:
        return 0.0
    config = fit.model.config
    members = config.get("network", {}).get("members", 1)
    return 6.0 * (fit.model.parameters or 0) * members * recipes.train_rows(view) * config.get("train", {}).get("epochs", 1)


def _no_job(_: Any) -> Any:
    raise RuntimeError("the tune loop builds its own rounds")


def _incumbent(view: Any) -> dict[str, str]:
    state = loop.read(view)
    return {"incumbent": state.incumbent.ref if state else ""}


TUNE = Step(slot="tune", phase="tune", title="Tune", build=_no_job, evidence=("fit", "ladder"), extra=_incumbent, wanted=wanted)


def round_inputs(view: Any, state: loop.Loop, what: Any) -> dict[str, str]:
    """Fingerprints of one round: the fit it stems from, the incumbent it is measured against, what is tried."""
    return loop.base_inputs(view) | {"incumbent": fingerprint(state.config.model_dump()), "round": fingerprint(what)}


def ideas_job(view: Any, state: loop.Loop, specs: list[TrySpec], *, left: int | None = None) -> TryIdeasJob:
    """Incumbent and ideas side by side over the same seeds (B07); `left` trials of the budget bound how many go on with more (None: any)."""
    seed, count = view.value("train.seed") or 0, view.value("tune.seeds")
    more = view.value("tune.more_seeds") or 0
    going_on = len(specs) if left is None else min(len(specs), max(0, left - len(specs)))
    names = ", ".join(s.title or s.id for s in specs[:3])
    return TryIdeasJob(
        phase="tune", title=f"Try {names}" + (" ..." if len(specs) > 3 else ""), data=data_view(view), config=state.config, ideas=specs,
        seeds=list(range(seed, seed + count)), margin=view.value("tune.margin"), seed=seed,
        more_seeds=list(range(seed + count, seed + count + more)) if going_on else [], more_ideas=going_on if more else 0,
        device=view.value("train.device"), inputs=round_inputs(view, state, [s.model_dump() for s in specs]),
    )


def search_job(view: Any, state: loop.Loop, trials: int) -> SearchJob:
    """A search around the incumbent: learned, random or sequential (T22), or over its layers (R17) where it has any."""
    space = recipes.space(view, expert=view.value("tune.expert_space"))
    seed, asked = (view.value("train.seed") or 0) + state.searches, view.value("tune.search")
    mode = "learned" if asked == "layers" and not state.config.network.hidden else asked
    return SearchJob(
        phase="tune", title=f"Search {trials} trials", data=data_view(view), config=state.config, space=space, trials=trials,
        halving=view.value("tune.halving"), mode=mode, seed=seed, device=view.value("train.device"),
        inputs=round_inputs(view, state, ["search", trials, state.searches, sorted(space), *([mode] if mode == "layers" else [])]),
    )


class Tune(Phase):
    """Diagnose, propose, predict, try side by side, adopt beyond noise, stop at the goal or the budget."""

    id = "tune"
    advice_from = ("fit",)

    def steps(self) -> tuple[Step, ...]:
        """The loop makes its own rounds; this names the place where its outcome stands."""
        return ()

    def not_needed(self, view: Any) -> str:
        """The verdict's own words when no network is needed."""
        return networks_closed(view)

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """The budget of the goal."""
        trials, work = view.value("goals.budget_trials") or 24, fit_work(view)
        seeds = 3 if work > COSTLY else 5
        out = {"seeds": Recommendation(value=seeds, reason="Five seeds tell a gain from noise well (B07)." if seeds == 5 else "This network is costly: three seeds are the least that can tell a gain from noise (B07).")}
        if seeds == 3:
            out["more_seeds"] = Recommendation(value=2, reason="Five seeds in all for a promising idea: this network is costly.")
        afford = max(1, int(WORK / (max(work, 1.0) * seeds)) - 1)  # the incumbent is trained again over the same seeds
        if min(afford, trials) < BATCH:
            out["order"] = Recommendation(value="score", reason="There is room for a few trials only: what promises most an hour comes first, not what is simplest (I04).")
        if view.explicit("goals.budget_trials") is not None or afford >= trials:
            return out | {"budget_trials": Recommendation(value=trials, reason="The budget written down with the goal (L08).")}
        why = f"One fit of this network is {work:.1e} operations; {afford} trials over {seeds} seeds keep the phase at minutes on two cores. Give it more when you have the time."
        return out | {"budget_trials": Recommendation(value=afford, reason=why)}

    def next_job(self, view: Any) -> Any:
        """The next round, or, once the loop is over, the inspection of the model it ends with (V04-V05)."""
        found = self.next_round(view)
        if found is not None or loop.read(view) is None or not all(g.ok or (self.id, g.id) in view.facts.overrides for g in self.gate(view)):
            return found
        return inspecting.due(view)

    def next_round(self, view: Any) -> Any:
        """The autopilot's next round; by hand, nothing starts by itself."""
        state = loop.read(view)
        if state is None or view.value("tune.mode") != "autopilot" or loop.stop_reason(view, state):
            return None
        left = loop.allowed(view) - state.trials
        specs: list[TrySpec] = []
        if state.winner:
            specs.append(TrySpec(id=f"search-{state.searches}", title="what the search found", change=state.winner))
        open_ideas = [i for i in ranked(view, state) if i.id not in state.tried]
        specs += [TrySpec(id=i.id, title=i.title, change=absolute(state.config, i.change)) for i in open_ideas[: BATCH - len(specs)]]
        if specs and (not state.rounds or state.winner or state.rounds[-1].job == "search"):
            return ideas_job(view, state, specs[:left], left=left)
        if recipes.space(view, expert=view.value("tune.expert_space")) and state.searches < 2 and left >= 4:
            return search_job(view, state, max(4, left // 2))
        return ideas_job(view, state, specs[:left], left=left) if specs[:left] else None

    def gate(self, view: Any) -> list[GateItem]:
        """The loop has come to an end that was written down before it began."""
        state = loop.read(view)
        if state is None:
            return [GateItem(id="fit-first", ok=False, text="a trained network to start from", overridable=False)]
        reason = loop.stop_reason(view, state)
        by_hand = view.value("tune.mode") == "by_hand"
        done = bool(reason) or (not by_hand and self.next_round(view) is None)
        text = f"stopped: {reason}" if reason else "no idea is left to try" if done else "the loop goes on until the goal or the budget"
        items = [] if not by_hand else [GateItem(id="enough-ideas", ok=len(view.facts.ideas) >= ENOUGH, text=f"{len(view.facts.ideas)} ideas written down", remedy=f"Write down at least {ENOUGH} before you start (I01), or write why fewer are enough.")]
        return [*items, GateItem(id="loop-over", ok=done, text=text, remedy="Try more ideas, or write why you stop here.")]

    def stale(self, view: Any) -> list[str]:
        """Rounds that set out from another fit."""
        every = view.facts.evidence.all(loop.ROUND_SLOTS)
        fit, known = view.evidence("fit"), view.facts.accepted.get(self.id)
        if not every or loop.rounds(view) or (fit and not fit.stale and known and known.seq > fit.seq):
            return []
        return list(fit.stale_because) if fit and fit.stale else ["the fit the rounds set out from changed"]

    def started(self, view: Any) -> bool:
        """Whether any round was ever run."""
        return bool(view.facts.evidence.all(loop.ROUND_SLOTS))

    def summary(self, view: Any) -> str:
        """Trials spent, ideas adopted, the incumbent."""
        state = loop.read(view)
        if state is None:
            return ""
        score = state.incumbent.validation
        kept = len(state.adopted)
        if not state.trials:
            return f"nothing tried: {loop.stop_reason(view, state) or 'no idea yet'}; {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"
        return f"{state.trials} trial{'s' if state.trials != 1 else ''}, {'nothing beyond noise' if not kept else '1 idea adopted' if kept == 1 else f'{kept} ideas adopted'}; now {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"
