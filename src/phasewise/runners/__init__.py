"""How a job gets a process. A runner starts `python -m phasewise.worker RUN_FOLDER` somewhere; the run folder says the rest."""
