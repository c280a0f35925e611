"""The headline: the number that counts, how often the vault was opened, and what speaks against trusting it."""

from phasewise.report.blocks import Block, Estimate, Section, number, text
from phasewise.report.sections.common import failed_reading, pairs, score, when
from phasewise.report.story import Story
from phasewise.report.texts import say


def looks(story: Story) -> int:
    """Openings of the vault, from the ledger entries and the evidence (whichever tells of more)."""
    told = max((int(e.result.looks) for e in story.all("open_vault")), default=0)
    return max(len(story.looks), told)


def _candidate(story: Story) -> list[Block]:
    models = [e.result.best for e in story.all("combine")] + [e.result.model for e in story.all("fit")]
    models += [m for e in story.all("baselines") for m in e.result.models]
    named = story.answer("verify", "candidate")
    found = next((m for m in models if m.ref == named), models[0] if models else None)
    if found is None:
        return []
    return [pairs([("latest candidate", f"{found.name} ({found.ref})"), ("validation", score(found.validation))])]


def headline(story: Story) -> Section:
    """First opening first (checks.md 7.7), with every warning that belongs beside it."""
    opened = story.all("open_vault")
    blocks: list[Block] = []
    count = looks(story)
    if opened:
        newest = max(e.result.generation for e in opened)
        opened = [e for e in opened if e.result.generation == newest]
        first, last = opened[0].result, opened[-1].result
        if len(opened) > 1 or (count > 1 and newest == 1) or last.warning:
            blocks.append(text(last.warning or say("intro", "reuse"), tone="bad"))
        rows = [
            (f"test {first.test.metric}", Estimate(value=first.test.value, low=first.test.low, high=first.test.high, level=first.level)),
            ("interval level", number(first.level)), ("test rows", number(first.rows or first.test.n)),
            ("verdict", f"{first.verdict}: {say('word', first.verdict)}"), ("target", number(first.target)),
            ("expected before the look", Estimate(value=first.told, low=first.foreseen[0], high=first.foreseen[1]) if first.foreseen else number(first.corrected)), ("looks at the vault", number(count)),
            *([("generation", number(newest))] if newest > 1 else []),
        ]
        if len(opened) > 1:
            rows.insert(1, ("latest opening", Estimate(value=last.test.value, low=last.test.low, high=last.test.high, level=last.level)))
        blocks.append(pairs(rows))
        if opened[0].stale:
            blocks.append(text(say("intro", "stale", names=", ".join(opened[0].stale)), tone="warn"))
    else:
        blocks.append(text(say("intro", "headline_sealed"), tone="warn"))
        blocks += _candidate(story)
    need = story.last("baselines")
    if need is not None:
        verdict = need.result.need
        blocks.append(text(f"Is deep learning needed? {verdict.verdict}: {verdict.reason}", tone="plain" if verdict.verdict != "no" else "warn"))
    checks = story.last("checks")
    if checks is not None and checks.result.trust != "yes":
        blocks.append(text(f"Trust in the data: {checks.result.trust.replace('_', ' ')}. {checks.result.trust_reason}", tone="bad" if checks.result.trust == "no" else "warn"))
    if story.overrides:
        blocks.append(text(f"{len(story.overrides)} gate(s) were overridden; see the section on overrides.", tone="warn"))
    blocks += failed_reading(list(story.evidence))
    blocks.append(text(f"Journal from {when(story.started)} to {when(story.ended)}, {story.entries} entries."))
    return Section(id="headline", title="Headline", blocks=tuple(blocks))
