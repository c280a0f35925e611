"""`python -m phasewise.worker RUN_FOLDER` runs one job; `--warm FOLDER` waits for jobs with everything imported."""

import sys

from phasewise.worker.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
