"""C1 to C4 beside the peers the goals name: Optuna's own searches, and steps of skorch, Lightning and fastai (CPU time, one thread).

Same rows, network, batch, epochs and space as `bench_trials.py` and `bench_steps.py`; every contestant in a process of its own, ours with the
allocator thresholds the engine process sets. Optuna draws 32 trials of its own with its default sampler from the same space; of ours, E learns from
each third of its trials what the next are, R draws all at random. A goal of a search counts where its best validation loss, the mean over the rounds,
is within one standard deviation of the peer's.
"""

import json
import statistics
import sys

import peers
import torch
from bench_steps import TILES, population
from bench_trials import EPOCHS, GOALS, LEARNED, OURS, ROWS, TRAIN, N, engine, learned_search
from common import BATCH, Report, dataset, drawn, ratio, rounds, trials

from phasewise.engine import learned
from phasewise.kinds.shared import allocator

ROUNDS, SEARCHES = 3, 5
STEP_ROWS = 25_600
STEP_GOALS = {
    128: ("C3", {"fastai": (7, 10), "lightning": (6, 9), "skorch": (4.5, 6.5)}), 32: ("C4", {"fastai": (25, 38), "lightning": (17, 25), "skorch": (15, 22)}),
}
"""Targets and stretches of anchors section 5."""
NAMES = {"A": "Optuna + DataLoader loop", "B": "Optuna + DataLoader loop + halving pruner", "C": "Optuna + plain loop"}


def alone(settings: dict) -> None:
    """Ours in this process as JSON: a search with halving, or CPU seconds a member-step of a population."""
    torch.set_num_threads(1)
    allocator.keep_freed()
    hidden = settings["hidden"]
    if "contestant" in settings:
        torch.set_flush_denormal(True)
        crew = population(TILES[hidden], hidden, dropout=True)
        print(json.dumps({"seconds": statistics.median(crew() for _ in range(5))}))
        return
    data, info = dataset(ROWS)
    engine(trials(4, hidden, epochs=1, train=TRAIN, rows=ROWS), data, info, None)
    if settings["search"] == "learned":
        learned.propose(drawn(4, 1), range(4), 1, 0)
        seconds, loss = learned_search(hidden, data, info, settings["seed"])
    else:
        seconds, loss, _ = engine(trials(N, hidden, epochs=EPOCHS, train=TRAIN, rows=ROWS, seed=settings["seed"]), data, info, OURS)
    print(json.dumps({"seconds": seconds, "loss": loss}))


def searches(hidden: int) -> None:
    """C1 or C2: all 32 trials of everybody, interleaved."""
    report, id, goals = Report("engine-cpu.md"), GOALS[hidden][0], dict(zip("ABC", GOALS[hidden][1:], strict=True))
    report.head(f"{id} beside Optuna itself: 32 trials, H={hidden} (CPU time, one thread)")
    data, _ = dataset(ROWS)
    file, ended = peers.rows_file(data.inputs["num"], data.y), {}

    def timed(who: str) -> float:
        done = ended.setdefault(who, [])
        s = {"hidden": hidden, "seed": len(done), "search": "learned" if who == "E" else "random"}
        more = {"contestant": who, "trials": N, "epochs": EPOCHS, "train": TRAIN, "batch": BATCH}
        done.append(peers.run("bench_peers.py", json.dumps(s), ours=True) if who in "ER" else peers.run("peers_trials.py", str(file), json.dumps(s | more)))
        return done[-1]["seconds"]

    got = rounds({who: lambda who=who: timed(who) for who in "ERABC"}, SEARCHES)
    for who, name in NAMES.items():
        middle, low, high = ratio(got[who], got["E"])
        report.goal(id, f"learned search with halving against {name}", middle, *goals[who], (low, high))
        middle, low, high = ratio(got[who], got["R"])
        report.say(f"| | random search with halving against {name} | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
    report.say("\n| contestant | trials per CPU-minute | best validation loss per round | mean (sd) | learned within 1 sd of it | pruned |\n| --- | --- | --- | --- | --- | --- |")
    means = {who: statistics.mean(e["loss"] for e in done) for who, done in ended.items()}
    for who, name in {"E": LEARNED, "R": "engine, random, halving 32 -> 12 -> 4", **NAMES}.items():
        gone, sd = ", ".join(str(e.get("pruned", "")) for e in ended[who]).strip(", ") or {"E": "20", "R": "28"}[who], statistics.stdev(e["loss"] for e in ended[who])
        within = ("yes" if means["E"] <= means[who] + sd else "NO") if who in NAMES else ""
        losses = ", ".join(format(e["loss"], ".4f") for e in ended[who])
        report.say(f"| {name} | {N / statistics.median(got[who]) * 60:.0f} | {losses} | {means[who]:.4f} ({sd:.4f}) | {within} | {gone} |")
    report.say(f"\nPeer: {ended['A'][0]['versions']}; default sampler, in memory, log off.")
    report.save()


def steps() -> None:
    """C3 and C4: one step of skorch, Lightning and fastai (where its environment was made) over one member-step of ours."""
    report, versions = Report("engine-cpu.md"), set()
    report.head("C3, C4 beside skorch, Lightning and fastai: cost of a step (CPU time, one thread, batch 256, dropout)")
    data, _ = dataset(STEP_ROWS)
    file = peers.rows_file(data.inputs["num"], data.y)
    for hidden, (id, all_goals) in STEP_GOALS.items():
        goals = {who: goal for who, goal in all_goals.items() if who != "fastai" or peers.there(peers.FASTAI)}

        def timed(who: str, hidden: int = hidden) -> float:
            s = json.dumps({"contestant": who, "hidden": hidden, "dropout": 0.1, "batch": BATCH})
            by = peers.FASTAI if who == "fastai" else peers.PYTHON
            found = peers.run("bench_peers.py", s, ours=True) if who == "engine" else peers.run("peers_steps.py", str(file), s, by=by)
            versions.add(found.get("versions", ""))
            return found["seconds"]

        got = rounds({who: lambda who=who: timed(who) for who in ("engine", *goals)}, ROUNDS)
        for who, goal in goals.items():
            middle, low, high = ratio(got[who], got["engine"])
            each = f"{statistics.median(got[who]) * 1e3:.2f} over {statistics.median(got['engine']) * 1e3:.3f} ms"
            report.goal(id, f"H={hidden}, population of {TILES[hidden]} against {who} ({each})", middle, *goal, (low, high))
    report.say(f"\nPeers: {'; '.join(sorted(v for v in versions if v))}; callbacks, bars, checkpoints and logs off, fused AdamW.")
    report.save()


def main(which: list[str]) -> None:
    """What is asked for, or all of it."""
    if not peers.there():
        print(peers.ABSENT)
        return
    if "steps" in which or not which:
        steps()
    for hidden in (128, 32):
        if str(hidden) in which or not which:
            searches(hidden)


if __name__ == "__main__":
    alone(json.loads(sys.argv[1])) if sys.argv[1:] and sys.argv[1].startswith("{") else main(sys.argv[1:])
