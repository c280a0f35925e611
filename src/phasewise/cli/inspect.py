"""`phasewise inspect`: where a model is wrong, on validation rows (V04-V09, R16, D16)."""

import argparse
import dataclasses
import math
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.text import safe_text

ROWS = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("model", nargs="?", metavar="RUN/MODEL", help="a model, or a run for its own best one (default: the candidate)")
    parser.add_argument("--parts", metavar="PART,...", help="findings, slices, gallery, confusion, calibration, importance, pipeline (these by default), threshold, lesion (blocks of a picture network taken out), learning_curve (trains again)")
    parser.add_argument("--tag", metavar="ROW=TAG", action="append", default=[], help="tag the error of a row of the gallery, for example '150=wrong label'; can be given many times")
    parser.add_argument("--untag", metavar="ROW=TAG", action="append", default=[], help="take a tag away again")
    parser.add_argument("--again", action="store_true", help="look again even where the same inspection is recorded")
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Inspect, or show what was found before."""
    from phasewise.cli.progress import Reporter
    from phasewise.workflow import inspecting, tagging
    from phasewise.workflow.drive import Drive
    from phasewise.workflow.phases.baseline import networks_closed

    parts = tuple(p.strip() for p in args.parts.split(",") if p.strip()) if args.parts else inspecting.CHEAP
    with session_of(args.project) as session:
        ref, digest = inspecting.resolve(session, args.model)
        job = inspecting.job(session.view, ref, parts=parts, digest=digest, phase="baseline" if networks_closed(session.view) else "tune")
        found = None if args.again else inspecting.known(session.view, ref, digest, parts)
        if found is None:
            reporter = Reporter()
            found = Drive(session=session, on_event=(lambda _: None) if args.json else reporter.event, tell=reporter.line).work(job)
        for text, on in (*((t, True) for t in args.tag), *((t, False) for t in args.untag)):
            row, tag = tagging.parsed(text)
            tagging.put(session, found.result, row, tag, on=on)
        tagged = tagging.table(session.view, found.result)
        if args.json:
            out_json(found.result.model_dump(mode="json") | {"tags": dataclasses.asdict(tagged)})
        elif args.tag or args.untag:
            out(tags_block(tagged))
        else:
            blocks = lines(found.result, parts)
            out("\n\n".join([*blocks, tags_block(tagged)] if tagged.rows else blocks))
        return 0


def tags_block(found: Any) -> str:
    """The tags of the errors somebody looked at, by what fixing each would bring."""
    if not found.rows:
        return "no error is tagged"
    cells = [[r.tag, str(r.rows), f"{r.share:.0%}", f"{r.gain:.4g}", f"[{r.low:.4g}, {r.high:.4g}]"] for r in found.rows]
    of = f" of a random sample of {found.sample}" if found.sample else ""
    return f"error tags: {found.looked} errors looked at{of}; at most {found.error:.4g} {found.metric} can be gained\n" + table(cells, ["tag", "rows", "share", "ceiling gain", "95 % interval"])


def lines(found: Any, parts: tuple[str, ...]) -> list[str]:
    """One block of text a part."""
    head = "  ".join(f"{k} {v:.4g}" for k, v in found.metrics.items())
    blocks = [f"{safe_text(found.model)}\n{head}"]
    for part in parts:
        if part in found.skipped:
            blocks.append(f"{part}: not made: {safe_text(found.skipped[part])}")
        else:
            made = _SHOW[part](getattr(found, part))
            blocks.append(f"{part.replace('_', ' ')}\n{made}" if made else f"{part.replace('_', ' ')}: {_EMPTY.get(part, 'nothing to show for this task')}")
    return blocks


def _findings(rows: list[Any]) -> str:
    return "\n".join(f"{f.severity}: {f.title}\n    {f.seen}" for f in rows)


def _slices(rows: list[Any]) -> str:
    cells = [["!" if s.significant else "", s.name, f"{s.rows:,}", f"{s.value:.4g}", f"[{s.low:.4g}, {s.high:.4g}]", f"{s.rest:.4g}", f"{s.q:.3g}", f"{s.harm:.3g}"] for s in rows[:ROWS]]
    more = f"\n{len(rows) - ROWS} more; --json has all" if len(rows) > ROWS else ""
    return table(cells, ["", "slice", "rows", "score", "95 % interval", "rest", "q", "harm"]) + more if cells else ""


def _gallery(kinds: dict[str, list[dict[str, Any]]]) -> str:
    cells = [[kind, str(g.get("row", g.get("id", ""))), _short(g.get("truth")), _short(g.get("prediction")), _short(g.get("loss")), ", ".join(map(str, g.get("shown", [])))] for kind in ("worst", "unsure", "errors") for g in kinds.get(kind, [])[:5]]
    return table(cells, ["kind", "row", "truth", "predicted", "loss", "shown"]) if cells else ""


def _confusion(found: dict[str, Any]) -> str:
    labels, counts = found.get("labels", []), found.get("counts", [])
    return table([[str(label), *[f"{n:,}" for n in counts[i]]] for i, label in enumerate(labels)], ["truth \\ predicted", *[safe_text(x, 60) for x in labels]]) if labels else ""


def _calibration(found: dict[str, Any]) -> str:
    if not found:
        return ""
    after = ""
    if found.get("ece_after") is not None:
        after = f"; with temperature {_short(found.get('temperature'))}: {_short(found.get('ece_after'))}" + ("" if found["ece_after"] < found.get("ece", 0) else ", no better: leave it as it is")
    bins = [[_short(b.get("mean")), _short(b.get("observed")), str(b.get("count", b.get("rows", b.get("n", ""))))] for b in found.get("bins", [])]
    return f"expected calibration error {_short(found.get('ece'))}{after}" + ("\n" + table(bins, ["predicted", "observed", "rows"]) if bins else "")


def _importance(rows: list[dict[str, Any]]) -> str:
    return table([[str(i.get("column", i.get("name", ""))), _short(i.get("drop")), f"[{_short(i.get('low'))}, {_short(i.get('high'))}]" if "low" in i else ""] for i in rows[:20]], ["column shuffled", "drop", "95 % interval"]) if rows else ""


def _pipeline(found: dict[str, Any]) -> str:
    if not found:
        return ""
    cells = [[s["stage"], _short(s["gain"]), f"[{_short(s['low'])}, {_short(s['high'])}]", s.get("note", "")] for s in found.get("stages", [])]
    return table(cells, ["stage replaced by the truth", f"gain ({found.get('unit', '')})", "95 % interval", ""]) + "".join(f"\n{safe_text(n, 200)}" for n in found.get("notes", []))


def _threshold(found: dict[str, Any]) -> str:
    if not found:
        return ""
    gain = found.get("gain", 0.0)
    advice = "worth using" if gain > 0 else "not worth it: it was luck on these rows, 0.5 is as good"
    return (
        f"best cut for {found['metric']}: {_short(found['threshold'])} gives {_short(found['at_threshold'])}, 0.5 gives {_short(found['at_half'])} on the same rows\n"
        f"chosen on one half of the rows and measured on the other it gains {gain:+.4g}: {advice}"
    )


def _curve(found: dict[str, Any]) -> str:
    """Mean error a size, and what more rows promise (D16)."""
    if "points" not in found or "double" not in found:
        return _plain(found)
    full, sizes = max(size for size, _ in found["points"]), {}
    for size, error in found["points"]:  # halvings of all rows; groups that stay together make seeds differ by a few rows
        sizes.setdefault(round(math.log2(full / size)), []).append((size, error))
    rows = [[f"{sum(s for s, _ in at) / len(at):,.0f}", _short(sum(e for _, e in at) / len(at)), str(len(at))] for _, at in sorted(sizes.items(), reverse=True)]
    more = [f"with {word} the rows about {_short(found[name])} [80 %: {_short(found[f'{name}_low'])}, {_short(found[f'{name}_high'])}], {found[f'gain_{name}']:+.4g} saved" for name, word in (("double", "twice"), ("tenfold", "ten times"))]
    return table(rows, ["training rows", f"error ({found.get('metric', '')})", "seeds"]) + "\n" + "\n".join(more)


def _plain(found: dict[str, Any]) -> str:
    return "\n".join(f"{k.replace('_', ' ')}: {safe_text(_short(v), 300)}" for k, v in found.items()) if found else ""


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _lesion(found: dict[str, Any]) -> str:
    if not found:
        return ""
    head = f"whole network {found['whole']:.4g} on {found['rows']:,} pictures, chance {found['chance']:.4g}; {'each block leaves its shortcut' if found['kind'] == 'residual' else 'no shortcuts: a block leaves nothing in between'}"
    cells = [[b["block"], _short(b["value"]), _short(b["drop"]), f"[{_short(b['low'])}, {_short(b['high'])}]"] for b in found["blocks"]]
    curve = ", ".join(f"{k}: {v:.3g}" for k, v in enumerate(found["together"]))
    return f"{head}\n{table(cells, ['block out', 'score', 'cost', '95 % interval'])}\nblocks out together, least harmful first: {curve}"


_EMPTY = {"findings": "nothing is wrong with the score", "lesion": "no block of this model gives out the shape it takes in; ResNets and pretrained networks have such blocks"}
_SHOW: dict[str, Any] = {
    "findings": _findings, "slices": _slices, "gallery": _gallery, "confusion": _confusion, "calibration": _calibration, "importance": _importance, "pipeline": _pipeline, "threshold": _threshold, "learning_curve": _curve, "lesion": _lesion,
}
