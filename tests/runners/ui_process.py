"""A stand-in for the app: opens a project, starts a run, tells its number of processes and waits to be killed."""

import sys
import time

from phasewise.project.folder import Project
from phasewise.runners.local import LocalRunner

folder, run_id, python, warm = sys.argv[1:5]
project = Project.open(folder)
runner = LocalRunner(project, python=python)
if warm == "warm":
    runner.warm()
    while not list(project.hidden.glob("warm-*/ready")):
        time.sleep(0.01)
runner.start(project.runs.get(run_id))
print("started", flush=True)
time.sleep(60)
