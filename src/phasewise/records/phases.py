"""The ten phases in order; ids are stable, titles are short words for a narrow rail. No heavy import."""

PHASES: tuple[str, ...] = ("goals", "data", "approach", "baseline", "train", "tune", "strengthen", "verify", "field", "ship")

TITLES: dict[str, str] = {
    "goals": "Goals", "data": "Data", "approach": "Approach", "baseline": "Baseline", "train": "Train",
    "tune": "Tune", "strengthen": "Strengthen", "verify": "Verify", "field": "Field", "ship": "Ship",
}

DOORS: dict[str, str] = {
    "goals": "What does success look like, in numbers?",
    "data": "Is the data fit for it?",
    "approach": "Which solved problem is this like?",
    "baseline": "What must a network beat, and is the smallest network sound?",
    "train": "Can it fit the training set?",
    "tune": "Does it generalise to validation?",
    "strengthen": "Is more worth it?",
    "verify": "Does it hold on the sealed test set?",
    "field": "Does it hold in the real world?",
    "ship": "Can others use it?",
}
