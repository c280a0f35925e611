"""The report says what the journal says: numbers, looks, overrides, null results; nothing hostile gets through."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from report_journal import FakeProject, small, whole  # noqa: E402

from phasewise.report import build, write  # noqa: E402
from phasewise.report.blocks import Estimate, decimals, estimate_text, number  # noqa: E402
from phasewise.report.charts import intervals, lines  # noqa: E402

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=y>|\n# h1 [a](javascript:x) `code` \x1b[31m\u202e&amp;'


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.values: list[float] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "data":
            self.values.append(float(found["value"]))


def _parse(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    return parser


def test_numbers_equal_the_stored_results():
    values = _parse(build(whole()).html()).values
    for stored in (0.91234567, 0.9171234, 0.9234321, 0.0007654, 0.9254, 0.0061, 0.0111, 0.8314, 0.0345, 0.0567, 0.9288, 0.0054, 0.625, 0.9198765, 0.9241, 0.53, 0.0038, 0.88, 0.31, 0.71, 1.5e-7, 38.6437, 0.004321, 0.00317):
        assert stored in values, stored


def test_every_section_is_there_or_says_why():
    empty = build(small())
    for item in empty.sections:
        assert item.blocks or item.children or item.missing, item.id
    assert "sealed" in empty.markdown()
    full = build(whole())
    assert [s.id for s in full.sections if s.missing] == ["checkup", "ladder"]
    assert "no network check-up was run" in full.html()


def test_looks_and_reuse_are_shown_and_the_first_opening_is_the_headline():
    once, twice = build(whole()).markdown(), build(whole(openings=2)).markdown()
    assert "opened 1 time" in once and "not the first look" not in once
    assert "opened 2 time" in twice and "not the first look" in twice
    head = twice.split("## Goal")[0]
    assert head.index("0.920") < head.index("0.921")
    assert "Opening 1" in twice and "Opening 2" in twice


def test_a_look_without_a_result_is_reported():
    project = whole()
    project.journal.append("look", {"run": "v9", "looks": 2, "generation": 1})
    text = build(project).markdown()
    assert "by run v9 left no result" in text and "opened 2 time" in text


def test_overrides_null_results_and_predictions_are_printed():
    text = build(whole(title="dropout 0.25")).markdown()
    assert "because age" in text and "not adopted" in text and "noise" in text
    assert "Brier score of the success predictions: 0.09" in text


def test_stale_evidence_is_marked_when_an_input_changed():
    project = whole()
    assert "changed since" not in build(project).section("training").children[-1].blocks[0].__repr__()
    project.journal.evidence("profile", build(project).story.last("profile").result, inputs={"data.target": "f2"})
    fit = build(project).section("training").children[-1]
    assert "data.target" in fit.blocks[0].parts[0]


def test_hostile_names_stay_text():
    report = build(whole(column=HOSTILE, title=HOSTILE))
    html = report.html()
    parsed = _parse(html)
    assert {"script", "img", "iframe", "object", "link"}.isdisjoint(t for t, _ in parsed.tags)
    assert not [k for _, a in parsed.tags for k in a if k.startswith("on")]
    assert all(a.get("href", "#").startswith("#") and "src" not in a for _, a in parsed.tags)
    assert "\x1b" not in html and "\u202e" not in html
    md = report.markdown()
    assert "\x1b" not in md and "\u202e" not in md
    assert not re.search(r"(?<!\\)<script", md) and not re.search(r"(?<!\\)\[a(?<!\\)\]\(", md)
    assert not [line for line in md.splitlines() if line.startswith("# h1")]


def test_the_page_forbids_scripts_and_the_network():
    html = build(whole()).html()
    policy = next(a["content"] for t, a in _parse(html).tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "") and "https://" not in html


def test_model_card_and_datasheet_are_complete():
    report = build(whole())
    assert [c.title for c in report.section("model-card").children] == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses", "Ethical considerations", "Caveats and recommendations"]
    assert [c.title for c in report.section("datasheet").children] == ["Motivation", "Composition", "Collection process", "Preprocessing", "Uses", "Distribution", "Maintenance"]


def test_write_makes_files_that_repeat_byte_for_byte(tmp_path):
    first = write(whole(), tmp_path / "a")
    second = write(whole(), tmp_path / "b")
    assert first[0].name == "report.md" and {p.name for p in first} >= {"report.html", "MODEL_CARD.md", "DATASHEET.md"}
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    for name in re.findall(r"\]\((figures/[^)]+)\)", first[0].read_text()):
        assert (tmp_path / "a" / name).read_text().startswith("<svg")


def test_unreadable_and_unknown_entries_are_said_not_dropped():
    project = FakeProject()
    project.journal.append("evidence", {"job": "fit", "run": "r7", "result": {"nonsense": 1}})
    project.journal.append("from-the-future", {"x": 1})
    assert "Evidence r7 (fit)" in build(project).markdown()


@pytest.mark.parametrize("low, high, digits", [(0.9, 0.92, 2), (0.9111, 0.9123, 4), (40_000, 46_000, 0), (1.0, 1.0, 4)])
def test_no_more_digits_than_the_interval_allows(low, high, digits):
    assert decimals(low, high) in (digits, digits + 1)
    shown = estimate_text(Estimate(value=(low + high) / 2, low=low, high=high)).split()[0]
    assert len(shown.partition(".")[2]) <= digits + 1


def test_number_words_and_charts_without_data():
    assert number(None).text == "not known" and number(float("nan")).value is None and number(12345).text == "12,345"
    assert intervals("t", []) == "" and lines("t", {"a": [[float("nan"), 1.0]]}) == ""
    assert "<script" not in intervals("<script>", [("<script>", 0.1, 0.0, 0.2)])
