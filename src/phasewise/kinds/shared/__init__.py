"""What all wings share once rows have keys, labels and parts: clusters, draws, split checks, sealing, answers. No kind is named here."""
