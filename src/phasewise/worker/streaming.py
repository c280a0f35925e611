"""Tables larger than memory in a job: their training rows as they stream, and what a run says of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from phasewise.kinds.shared.assigning import DROPPED

if TYPE_CHECKING:
    from phasewise.engine.shards import ShardedData
    from phasewise.worker.bench import Bench, Stage
    from phasewise.worker.context import RunContext


def rows_of(dev: Any) -> int:
    """Development rows that models may learn from or are judged on, in memory or not."""
    beyond = getattr(dev, "beyond", None)
    return len(dev.y) if beyond is None else int((beyond.part != DROPPED).sum())


def sampled(dev: Any, what: str) -> list[str]:
    """That only some rows of a table larger than memory are looked at, and by what; nothing where all are in memory."""
    beyond = getattr(dev, "beyond", None)
    if beyond is None:
        return []
    return [f"{len(dev.y):,} of {rows_of(dev):,} development rows, drawn at random, are in memory: {what} ({beyond.why})"]


def of(ctx: "RunContext", bench: "Bench", stage: "Stage") -> "ShardedData":
    """The rows of a stage as they stream; while they are written that is the job's progress."""
    def tell(done: int, total: int) -> None:
        ctx.progress(done, total, unit="rows", note="preparing rows that stream from disk")
        ctx.control.poll()

    found = bench.streamed(stage, tell=tell, say=lambda text: ctx.log(text, "warning"))
    flow = found.record()
    ctx.log(f"{flow['rows']:,} training rows stream from disk in {flow['windows']} windows: {flow['why']}")
    return found


def notes(ctx: "RunContext", bench: "Bench", trials: Sequence[Any], plan: dict[str, Any]) -> list[str]:
    """How the rows of some trials were trained on, in words; nothing where the table is in memory whole."""
    beyond = getattr(bench.dev, "beyond", None)
    if beyond is None:
        return []
    flow = plan.get("stream")
    if flow:
        return [f"{flow['rows']:,} training rows streamed from disk in {flow['windows']} windows of at most {flow['window_rows']:,}: {flow['why']}; scores are those of {len(bench.dev.validation):,} validation rows in memory"]
    out = []
    for name, asked in (("sampling", {t.config.train.sampling for t in trials} - {"none"}), ("auxiliary", {"learned along"} if any(t.config.prepare.get("auxiliary") for t in trials) else set())):
        if asked and all(t.rows is None for t in trials):
            out.append(f"{name} ({', '.join(sorted(asked))}) cannot be done as rows stream: trained on the {len(bench.splits[0][0]):,} training rows in memory of {beyond.count():,}; class weights work on all of them")
            ctx.log(out[-1], "warning")
    return out
