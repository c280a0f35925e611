"""Model card (nine sections, Mitchell et al. 2019) and datasheet (seven, Gebru et al. 2021) as views of the journal."""

from typing import Any

from phasewise.records.results import ModelResult
from phasewise.report.blocks import Block, Section, number, text
from phasewise.report.sections.common import pairs, score, when
from phasewise.report.sections.headline import looks
from phasewise.report.sections.verify import slices as slice_section
from phasewise.report.story import Story
from phasewise.report.texts import say


def _part(card: str, title: str, *blocks: Block) -> Section:
    name = title.lower().replace(" ", "-")
    return Section(id=f"{card}-{name}", title=title, blocks=blocks or (text(say("card", "not_stated")),))


def _said(story: Story, phase: str, field: str) -> str:
    value: Any = story.answer(phase, field)
    return str(value) if value not in (None, "", []) else say("card", "not_stated")


def candidate(story: Story) -> ModelResult | None:
    """The model of the card: the named candidate, else the newest best model on record."""
    known: list[ModelResult] = []
    for e in story.evidence:
        r = e.result
        if r is None:
            continue
        if e.job == "baselines":
            known += list(reversed(r.models))
        elif e.job == "fit":
            known += [*r.members, r.model]
        elif e.job == "combine":
            known += [*r.ensembles, r.best]
        elif e.job in ("search", "ladder"):
            best = r.best if e.job == "search" else r.model
            known += [best] if best else []
        elif e.job == "prune":
            known.append(r.pruned)
    named = story.answer("verify", "candidate")
    chosen = [m for m in known if m.ref == named]
    return chosen[-1] if chosen else known[-1] if known else None


def model_card(story: Story) -> Section:
    """The model card with all nine sections present, filled or marked as not stated."""
    if not story.evidence:
        return Section(id="model-card", title="Model card", missing="no model is on record.")
    model, opened, profile = candidate(story), story.all("open_vault"), story.last("profile")
    details = [("project", story.name), ("journal until", when(story.ended))]
    if model is not None:
        details += [("model", f"{model.name} ({model.ref})"), ("family", model.family), ("parameters", number(model.parameters)),
                    ("decision threshold", number(model.threshold)), ("digest", model.digest or "not recorded")]
    evaluation: list[Block] = [text("Validation: ", score(model.validation) if model else "none", ".")]
    evaluation += [text("Sealed test, look ", number(e.result.looks), ": ", score(e.result.test), f" ({e.result.verdict}).") for e in opened]
    evaluation.append(text("Looks at the vault: ", number(looks(story)), "."))
    inspected = slice_section(story)
    columns = ", ".join(c.name for c in profile.result.columns) if profile else say("card", "not_stated")
    limits = [text(_said(story, "ship", "limits"))]
    limits += [text("Do not trust: " + "; ".join(e.result.do_not_trust), tone="warn") for e in story.all("field") if e.result.do_not_trust]
    limits += [text(f"Override: {o.get('reason', '')}", tone="warn") for o in story.overrides]
    return Section(id="model-card", title="Model card", children=(
        _part("model", "Model details", pairs(details)),
        _part("model", "Intended use", text(_said(story, "ship", "intended_use"))),
        _part("model", "Factors", text(f"Columns seen by the model or used for slices: {columns}.")),
        _part("model", "Metrics", text(f"{story.metric or say('card', 'not_stated')}; intervals at 95 % unless said otherwise.")),
        _part("model", "Evaluation data", *evaluation),
        _part("model", "Training data", text(_said(story, "data", "source")), text("Rows: ", number(profile.result.rows if profile else None), ".")),
        _part("model", "Quantitative analyses", *(inspected.blocks or (text(f"Not available: {inspected.missing}"),))),
        _part("model", "Ethical considerations", text(say("card", "considerations"))),
        _part("model", "Caveats and recommendations", *limits),
    ))


def datasheet(story: Story) -> Section:
    """The datasheet with all seven sections present."""
    profile, split = story.last("profile"), story.last("split")
    if profile is None:
        return Section(id="datasheet", title="Datasheet", missing="no data profile is in the journal.")
    data = profile.result
    parts = ", ".join(f"{k} {v.rows}" for k, v in split.result.parts.items()) if split else "not split"
    missing = sum(c.missing for c in data.columns)
    remedies = {**story.answer("data", "remedies", {}), **story.remedies}
    return Section(id="datasheet", title="Datasheet", children=(
        _part("data", "Motivation", text(_said(story, "goals", "expected_why"))),
        _part("data", "Composition", pairs([("rows", number(data.rows)), ("columns", number(len(data.columns))), ("missing cells", number(missing)), ("target", data.target), ("parts", parts)])),
        _part("data", "Collection process", pairs([(k.replace("_", " "), _said(story, "data", k)) for k in ("source", "collected", "label_source", "confidence", "known_biases")])),
        _part("data", "Preprocessing", pairs([(k, v) for k, v in remedies.items()] or [("remedies", "none applied")])),
        _part("data", "Uses", text(_said(story, "ship", "intended_use"))),
        _part("data", "Distribution", text(f"Licence: {_said(story, 'data', 'licence')}.")),
        _part("data", "Maintenance", text(say("card", "maintenance"))),
    ))
