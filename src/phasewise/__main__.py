"""`python -m phasewise` is the command `phasewise`."""

from phasewise.cli.main import main

raise SystemExit(main())
