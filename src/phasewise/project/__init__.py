"""One project on disk: folder, journal, settings, runs, checkpoints, vault, locks. Files are the only thing processes share."""
