"""All commands in one table: name -> module and one line of help; nothing of a command is imported before it is named."""

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "make a project from data that ships with scikit-learn and open it"),
    "new": ("new", "make a project: phasewise new [DIR] --data FILE [--target COLUMN]"),
    "open": ("open", "open a project in the app"),
    "run": ("run", "run phases headless: phasewise run [PHASE ...] [--through PHASE] [--yes]"),
    "status": ("status", "where the project stands and what comes next"),
    "runs": ("runs", "all runs of the project"),
    "attach": ("attach", "follow a run that goes on"),
    "stop": ("stop", "stop a run after its epoch, or now with a checkpoint"),
    "ideas": ("ideas", "the idea backlog: list, add, estimate, predict, try, rank, drop, export"),
    "check": ("check", "put new rows through the frozen model (field data)"),
    "report": ("report", "write the report from the journal"),
    "predict": ("predict", "predictions for a file of new rows"),
    "export": ("export", "export the candidate: bundle, onnx, torch, script"),
    "vault": ("vault", "vault verify: recompute the seal's chain and digests"),
    "doctor": ("doctor", "terminal, versions, device, directories"),
    "where": ("where", "every path Phasewise uses"),
    "keys": ("keys", "all key bindings"),
    "templates": ("templates", "answers files to start from"),
    "schema": ("schema", "JSON schema of answers or events"),
}
