"""What starts fast stays light: measured in CPU time of a child process, and by the modules it loaded."""

import json
import os
import resource
import subprocess
import sys

import pytest

from phasewise.cli.main import main
from phasewise.cli.table import COMMANDS

HEAVY = {"torch", "textual", "sklearn", "scipy", "polars", "skops", "pandas", "numpy"}


def cpu_ms(*args):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "phasewise", *args], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@pytest.mark.parametrize("args", [("--help",), ("--version",)])
def test_help_and_version_take_at_most_a_tenth_of_a_second_of_cpu(args):
    assert min(cpu_ms(*args) for _ in range(3)) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_is_text(capsys, command):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    said = capsys.readouterr().out
    assert left.value.code == 0 and "usage: phasewise" in said and "option_strings" not in said  # a bare % in a text prints argparse's insides


@pytest.mark.parametrize("args", [["--version"], ["doctor"], ["where"], ["templates"], ["status", "--json"], ["schema", "answers"], ["keys"], ["ideas", "rank"]])
def test_no_heavy_package_is_imported(cli, table, args):
    assert cli("new", "here", "--data", table, "--no-input")[0] == 0
    code = f"import sys, json\nfrom phasewise.cli.main import main\nmain({args!r})\nsys.stdout.flush()\nprint('LOADED', json.dumps(sorted(m for m in sys.modules if '.' not in m)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="here", env=os.environ)
    loaded = set(json.loads(done.stdout.rpartition("LOADED ")[2]))
    assert not HEAVY & loaded, HEAVY & loaded
