"""The split in counts and the vault's ledger of looks."""

from phasewise.report.blocks import Block, Section, Table, number, text
from phasewise.report.sections.common import findings_told, missing, pairs, stale, when
from phasewise.report.sections.headline import looks
from phasewise.report.story import Story
from phasewise.report.texts import say


def split(story: Story) -> Section:
    """Every split ever made (a later one needs a new generation) and every look (E02)."""
    found = story.all("split")
    if not found:
        return missing("split", "Split and vault")
    last = found[-1]
    data = last.result
    rows = tuple(
        (name, number(p.rows), number(p.clusters or None), ", ".join(f"{k}: {v}" for k, v in p.classes.items()), p.low or "", p.high or "")
        for name, p in data.parts.items()
    )
    blocks: list[Block] = [
        *stale(last),
        pairs([("policy", data.policy), ("seed", number(data.seed)), ("generation", number(data.generation)), ("folds", number(data.folds)),
               ("expected half width on test", number(data.half_width)), ("smallest gain validation can show", number(data.smallest_gain)),
               ("digest", data.digest), ("vault manifest", data.manifest), ("splits made", number(len(found)))]),
        Table(columns=("part", "rows", "clusters", "classes", "from", "to"), rows=rows),
        text(say("intro", "looks", looks=looks(story)), tone="plain" if looks(story) < 2 else "bad"),
    ]
    if story.looks:
        ledger = tuple((str(i + 1), when(e.get("t")), str(e.get("run", "")), str(e.get("generation", "")), str(e.get("reason", ""))) for i, e in enumerate(story.looks))
        blocks.append(Table(columns=("look", "when", "run", "generation", "reason"), rows=ledger, caption="Vault ledger"))
    blocks += findings_told(f for f in data.findings if f.severity != "pass")
    blocks += [text(n) for n in data.notes]
    blocks.append(text(say("intro", "container")))
    return Section(id="split", title="Split and vault", blocks=tuple(blocks))
