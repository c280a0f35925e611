"""Sealing and opening the vault: what happens is said first, then a word is typed."""

from typing import Any

from phasewise.tui.numbers import number, plural
from phasewise.tui.say import line, lines, say
from phasewise.tui.screens.ask import Ask, exactly


def seal(desk: Any) -> Ask:
    """The screen that asks to type `seal`."""
    answers = desk.session.answers.get("data")
    profile = desk.result("profile")
    rows = profile.rows if profile else None
    share = answers.test_share
    text = lines([
        say("The split is made once. The test rows leave the training data for a sealed file."),
        say(""),
        line(("rows       ", "muted"), (number(rows), "bold")),
        line(("test       ", "muted"), (f"{share * 100:.3g} %" if share else "as recommended", "bold"), ("  sealed until Verify", "muted")),
        line(("policy     ", "muted"), (str(answers.policy or "as recommended"), "bold")),
        line(("metric     ", "muted"), (desk.metric_title(), "bold")),
        say(""),
        say("No training, tuning or check can read them afterwards. Every look is counted in every report.", "warn"),
    ])
    return Ask("Seal the test rows", text, prompt="Type  seal  to do it", check=exactly("seal"))


def open_vault(screen: Any) -> None:
    """Ask for the predicted score, show the frozen candidate, ask to type `open`, then start the one look."""
    desk = screen.desk
    from phasewise.tui.widgets.entries import parse_number

    predicted = desk.answer("verify.predicted")
    if predicted is not None and desk.session.answers.source("verify", "predicted") in ("typed", "flag", "file"):
        _door(screen, predicted)
        return

    def take(value: Any) -> None:
        if value is not None:
            desk.session.answers.set("verify", "predicted", value)
            desk.touch()
            _door(screen, value)

    check = lambda text: parse_number(text, False, (None, None)) if text.strip() else (None, "a number: what do you think will come out?")  # noqa: E731
    screen.app.push_screen(Ask("Before the vault opens", "Write down what you expect. It is kept beside the result: it shows how well you know your model.", prompt=f"Predicted {desk.metric_title()} on the sealed rows", check=check), take)


def _door(screen: Any, predicted: float) -> None:
    desk = screen.desk
    split = desk.result("split")
    rows = split.parts["test"].rows if split and "test" in split.parts else None
    from phasewise.tui.pages.verify import foreseen, taken

    looks, told = taken(desk), foreseen(desk, brief=True)
    job = desk.session.next_job("verify")
    text = lines([
        line(("candidate  ", "muted"), (str(desk.answer("verify.candidate")), "bold")),
        line(("frozen as  ", "muted"), (str(getattr(job, "freeze", "") or "-")[:16], "bold")),
        line(("predicted  ", "muted"), (number(predicted), "bold"), (f"  {desk.metric_title()}", "muted")),
        line(("sealed     ", "muted"), (plural(rows, "row") if rows else "-", "bold")),
        *([] if told else [line(("looks      ", "muted"), (str(looks), "bold warn" if looks else "bold"), ("  this will be look ", "muted"), (str(looks + 1), "bold"))]),
        say(""),
        *told,
        say("The result is written to the journal before it is shown. It cannot be taken back.", "warn"),
    ])

    def take(word: Any) -> None:
        if word:
            screen.accept_answers()
            screen.auto, screen.auto_seal = "verify", False
            screen.run_worker(screen.start(desk.session.next_job("verify")), exit_on_error=True)

    screen.app.push_screen(Ask("Open the vault", text, prompt="Type  open  to look", check=exactly("open")), take)
