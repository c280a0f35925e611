"""Recommended remedies: what draws the split anew comes first and alone; what two checks say is one finding."""

from types import SimpleNamespace

from phasewise.records.findings import Finding, Remedy
from phasewise.workflow import remedies
from phasewise.workflow.dev import _roles
from phasewise.workflow.phases.data import findings


def _finding(name, severity, *actions, harm=0.0):
    return Finding(id=name, check=name, severity=severity, title=name, harm=harm, columns=["who"], remedies=[Remedy(action=a, title=a, recommended=i == 0) for i, a in enumerate(actions)])


class View:
    """Findings of the split and of the checks, and no answers yet."""

    kind = "tabular"

    def __init__(self, split, checks, **answers):
        self._found = {"split": SimpleNamespace(findings=split), "checks": SimpleNamespace(findings=checks)}
        self.answers, self.facts = answers, SimpleNamespace(remedies={})

    def latest(self, slot):
        return self._found[slot]

    def value(self, key):
        return self.answers.get(key)

    explicit = value


def test_a_finding_of_both_is_said_once_by_the_one_with_a_remedy():
    view = View([_finding("groups-across-parts", "block")], [_finding("groups-across-parts", "block", "group-split", "accept")])
    assert [[r.action for r in f.remedies] for f in findings(view)] == [["group-split", "accept"]]


def test_what_draws_the_split_anew_comes_alone():
    leak = _finding("target-leak:who", "block", "drop-column", harm=50)
    view = View([], [leak, _finding("groups-across-parts", "block", "group-split", harm=10)])
    assert remedies.recommended(view) == {"groups-across-parts": "group-split"}
    assert remedies.recommended(View([], [leak])) == {"target-leak:who": "drop-column"}


def test_the_column_that_names_the_groups_is_no_input_unless_a_person_says_so():
    assert _roles(View([], [], **{"data.policy": "grouped", "data.group": "who"})) == {"who": "ignore"}
    assert _roles(View([], [], **{"data.policy": "random", "data.group": "who"})) == {}
    assert _roles(View([], [], **{"data.policy": "grouped", "data.group": "who", "data.roles": {"who": "category"}})) == {"who": "category"}
