"""Memory given back by a step stays with the engine process (no page faults step by step)."""

import subprocess
import sys

import pytest

LOOK = """
import resource, sys, torch
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    from phasewise.kinds.shared import allocator
    assert allocator.keep_freed()
def step():
    held = [torch.ones(10, 1024, 1024) for _ in range(2)]  # 40 MB each: beyond what glibc ever keeps by itself
    del held
for _ in range(3): step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", LOOK, mode], capture_output=True, text=True, check=True, env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin"})
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the thresholds are glibc's")
def test_pages_are_fetched_once_and_not_at_every_step():
    kept, usual = faults("kept"), faults("usual")
    assert usual > 10 * 2 * 10 * 1024 * 1024 * 4 / 2 / 65536, "the control: without the thresholds every step fetches its pages again (of 64 kB at most)"
    assert kept < usual / 2
