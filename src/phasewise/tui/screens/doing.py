"""What the main screen does with jobs: the primary action, ceremonies, runs, gates, going on by itself."""

from typing import Any

from textual.content import Content

from phasewise.records.errors import PhasewiseError
from phasewise.records.phases import PHASES, TITLES
from phasewise.tui.marks import RUN
from phasewise.tui.numbers import duration, plural
from phasewise.tui.say import line, lines, say


class Doing:
    """Mixed into the main screen; everything that starts, steers or judges work."""

    app: Any
    desk: Any
    step: Any

    def fail(self, error: PhasewiseError) -> None:
        """Show an error: what, why, what to do."""
        self.notify("\n".join(p for p in (error.cause, error.remedy) if p), title=error.title, severity="error", timeout=12, markup=False)  # type: ignore[attr-defined]

    def tell(self, text: str, severity: str = "information") -> None:
        """A toast of one sentence."""
        self.notify(text, severity=severity, markup=False)  # type: ignore[attr-defined]

    async def action_primary(self) -> None:
        """Do the next step of this page."""
        focused = self.focused  # type: ignore[attr-defined]
        if focused is not None and hasattr(focused, "give"):
            focused.give()
            self.call_after_refresh(self.do_step)  # type: ignore[attr-defined]
            return
        await self.do_step()

    async def do_step(self) -> None:
        """Carry out the primary action as it stands now."""
        self.desk.touch()
        self.refresh_actions()  # type: ignore[attr-defined]
        page, step = self.page, self.step  # type: ignore[attr-defined]
        wrong = page.form.first_error() if page is not None and page.form is not None else ""
        if wrong and step.act in ("run", "next", "seal", "open", "fix"):
            await self.to_question(wrong)
            return
        await getattr(self, f"_do_{step.act}")(step)

    async def _do_none(self, step: Any) -> None:
        self.tell(step.message or "There is nothing left to do here.")

    async def _do_goto(self, step: Any) -> None:
        await self.go(step.phase)  # type: ignore[attr-defined]

    async def _do_fix(self, step: Any) -> None:
        await self.to_question(step.field, step.message)

    async def _do_watch(self, step: Any) -> None:
        phase = step.phase or self.phase  # type: ignore[attr-defined]
        if phase != self.phase:  # type: ignore[attr-defined]
            await self.go(phase)  # type: ignore[attr-defined]
        page = self.page  # type: ignore[attr-defined]
        if page.live_view() >= 0:
            await page.show(page.live_view())
        elif not self.drawer.display:  # type: ignore[attr-defined]
            self.action_pane("drawer")  # type: ignore[attr-defined]
        self.refresh_actions()  # type: ignore[attr-defined]

    async def _do_run(self, step: Any) -> None:
        if step.job.kind == "profile" or self.accept_answers():
            self.auto, self.auto_seal = self.phase, False  # type: ignore[attr-defined]
            await self.start(self.desk.session.next_job(self.phase))  # type: ignore[attr-defined]

    async def _do_next(self, step: Any) -> None:
        if self.accept_answers():
            await self.go(step.phase)  # type: ignore[attr-defined]

    async def _do_gate(self, step: Any) -> None:
        self.action_gate()

    async def _do_seal(self, step: Any) -> None:
        from phasewise.tui.screens.ceremonies import seal

        if self.accept_answers():
            self.app.push_screen(seal(self.desk), self._sealed)

    def _sealed(self, word: Any) -> None:
        if word:
            self.auto, self.auto_seal = self.phase, False  # type: ignore[attr-defined]
            self.run_worker(self.start(self.desk.session.next_job("data")), exit_on_error=True)  # type: ignore[attr-defined]

    async def _do_open(self, step: Any) -> None:
        from phasewise.tui.screens.ceremonies import open_vault

        if self.accept_answers():
            open_vault(self)

    def accept_answers(self) -> bool:
        """Accept the page's answers, once for the same answers; a done or skipped phase stays as it is."""
        phase = self.phase  # type: ignore[attr-defined]
        if self.desk.phase(phase).state in ("done", "skipped"):
            return True
        answers = repr(self.desk.session.answers.get(phase))
        if self.confirmed_as.get(phase) == answers:  # type: ignore[attr-defined]
            return True
        try:
            self.desk.session.confirm(phase)
        except PhasewiseError as e:
            self.fail(e)
            return False
        self.confirmed_as[phase] = answers  # type: ignore[attr-defined]
        self.desk.touch()
        return True

    async def to_question(self, name: str, message: str = "") -> None:
        """Show a question and put the focus on it."""
        page = self.page  # type: ignore[attr-defined]
        index = page.question_view()
        await page.show(index, focus=False)
        if page.form is None or not await page.form.reveal(name, message):
            self.tell(message or f"{name} needs an answer", "warning")
        self.refresh_actions()  # type: ignore[attr-defined]

    async def start(self, job: Any) -> None:
        """Start a job; its page shows it."""
        if job is None:
            self.refresh_pages()  # type: ignore[attr-defined]
            return
        try:
            run = self.desk.start(job)
        except PhasewiseError as e:
            self.auto = ""
            self.fail(e)
            return
        self.pace(True)  # type: ignore[attr-defined]
        if run.phase == self.phase and self.page is not None and self.page.live_view() >= 0:  # type: ignore[attr-defined]
            await self.page.show(self.page.live_view())  # type: ignore[attr-defined]
        self.refresh_pages()  # type: ignore[attr-defined]

    # going on by itself -------------------------------------------------------------------------------------

    async def go_on(self) -> None:
        """After a run: the next job of the phase, or of the phases up to the one asked for."""
        if not self.auto or self.desk.busy:
            return
        last = next(reversed(self.desk.board.runs.values()), None)
        if last is not None and last.state in ("failed", "stopped", "lost"):
            self.auto = ""
            return
        here = self.phase  # type: ignore[attr-defined, has-type]
        phase = here if PHASES.index(here) <= PHASES.index(self.auto) else self.auto
        step = self.desk.primary(phase)
        if step.act == "run" or (step.act == "seal" and self.auto_seal):
            if step.job.kind != "profile" and not self.accept_answers():
                self.auto = ""
                return
            await self.start(self.desk.session.next_job(phase))
        elif step.act == "gate" and self.auto_seal and phase == "data" and self.desk.take_advised():
            await self.go_on()
        elif step.act == "next" and phase != self.auto:
            if not self.accept_answers():
                self.auto = ""
                return
            await self.go(step.phase, focus=False)  # type: ignore[attr-defined]
            await self.go_on()
        else:
            through, self.auto = self.auto, ""
            await self._arrived(phase, step, through)

    async def _arrived(self, phase: str, step: Any, through: str) -> None:
        page = self.page  # type: ignore[attr-defined]
        if step.act == "fix" and self.auto_seal:
            await self.to_question(step.field, step.message)
        elif step.act == "gate" and self.auto_seal:
            self.tell(f"{TITLES[phase]} needs you: {step.message}", "warning")
        elif page is not None and phase == self.phase and page.opening() != page.current:  # type: ignore[attr-defined]
            await page.show(page.opening())
        self.refresh_actions()  # type: ignore[attr-defined]

    async def express(self, through: str) -> None:
        """Go on by itself with the recommended answers up to a phase."""
        self.auto, self.auto_seal = through, True
        await self.go(self.desk.state().phase)  # type: ignore[attr-defined]
        await self.go_on()

    def action_express(self) -> None:
        """Run through a phase with the recommended answers."""
        from phasewise.tui.screens.choose import Choose

        ends = [p for p in PHASES if p in ("data", "baseline", "train", "tune", "strengthen")]
        rows = [(p, f"through {TITLES[p]}{'  (the first result)' if p == 'baseline' else ''}") for p in ends]
        text = "Takes the recommended answer wherever you gave none, seals the test rows, and stops where it needs you. It never opens the vault."

        async def begin(phase: Any) -> None:
            if phase:
                await self.express(phase)

        if self.desk.read_only:
            self.tell("This project is open for reading only.", "warning")
        else:
            self.app.push_screen(Choose("Run through which phase?", rows, text=text, selected="baseline"), begin)

    # runs ---------------------------------------------------------------------------------------------------

    def announce(self, attached: list[Any]) -> None:
        """Say what goes on and what happened while nobody looked."""
        for run in attached:
            if run.state == "lost":
                self.notify_lost(run)
            else:
                self.tell(f"{run.title or run.job} is still running; its history is being read.")
        from phasewise.tui.farewell import while_away

        away = while_away(self.desk, self.app.folder)
        if away:
            self.notify(away, title="Finished while you were away", timeout=12, markup=False)  # type: ignore[attr-defined]
        if self.desk.read_only:
            self.notify(self.desk.session.read_only_why or "Another window holds this project.", title="Read only", severity="warning", timeout=10, markup=False)  # type: ignore[attr-defined]

    def notify_lost(self, run: Any) -> None:
        """A run's process is gone."""
        self.notify("Its process is gone; nothing that was saved is lost. n on its page goes on from the last checkpoint, o lists all runs.", title=f"{run.title or run.id} is lost", severity="error", timeout=15, markup=False)  # type: ignore[attr-defined]

    def ended(self, touched: set[str]) -> None:
        """Toasts for runs that ended in this frame."""
        for run_id in touched:
            run = self.desk.board.runs[run_id]
            if run.state == "failed":
                error = run.error
                self.notify("\n".join(p for p in (error.get("cause"), error.get("remedy"), error.get("file") and f"Traceback: {error['file']}") if p), title=error.get("title") or f"{run.title} failed", severity="error", timeout=15, markup=False)  # type: ignore[attr-defined]
            elif run.state in ("finished", "stopped"):
                self.tell(f"{run.title or run.job} {run.state} after {duration(run.seconds)}.")

    def shown_run(self) -> Any:
        """The run that keys steer: the one that goes on, of this phase first."""
        return self.desk.running(self.phase) or self.desk.running()  # type: ignore[attr-defined]

    def steer(self, command: str, text: str, **args: Any) -> None:
        """Send a command to the shown run and say so."""
        run = self.shown_run()
        if run is None:
            self.tell("No run is going on.", "warning")
        elif self.desk.post(run.id, command, **args):
            self.tell(text)
        else:
            self.tell("This project is open for reading only.", "warning")

    def action_pause(self) -> None:
        """Pause or resume."""
        run = self.shown_run()
        paused = run is not None and run.paused
        self.steer("resume" if paused else "pause", "Going on." if paused else "Pausing at the next step.")

    def action_stop(self) -> None:
        """Stop after this epoch; best weights are kept."""
        self.auto = ""
        self.steer("stop_epoch", "Stopping after this epoch; the best weights are kept.")

    def action_stop_now(self) -> None:
        """Stop now; the last checkpoint is kept."""
        self.auto = ""
        self.steer("stop_now", "Stopping now; the last checkpoint is kept.")

    def action_checkpoint(self) -> None:
        """Save a checkpoint now; training goes on."""
        self.steer("checkpoint", "Saving a checkpoint; training goes on.")

    def action_run_lr(self) -> None:
        """Change the learning rate of the run."""
        from phasewise.tui.screens.choose import Choose

        if self.shown_run() is None:
            self.tell("No run is going on.", "warning")
            return
        rows = [(("factor", 0.5), "half of what is planned"), (("factor", 0.1), "a tenth of what is planned"), (("factor", 2.0), "twice what is planned"), (("typed", 0.0), "type a value"), (("factor", 1.0), "as planned again")]
        self.app.push_screen(Choose("Learning rate of the run", rows), self._lr_chosen)

    def _lr_chosen(self, choice: Any) -> None:
        from phasewise.tui.screens.ask import Ask
        from phasewise.tui.widgets.entries import parse_number

        if choice and choice[0] == "factor":
            self.steer("set_lr", "The learning rate is as planned." if choice[1] == 1 else f"{choice[1]:g} times the planned learning rate.", factor=choice[1])
        elif choice:
            check = lambda text: parse_number(text, False, (1e-12, 100.0)) if text.strip() else (None, "type a number")  # noqa: E731
            self.app.push_screen(Ask("Learning rate of the run", "Takes effect at the next step; the schedule goes on from there.", prompt="New learning rate", check=check), lambda v: v and self.steer("set_lr", f"Learning rate {v:g}.", value=v))

    def action_runs(self) -> None:
        """All runs; a chosen one is shown, a lost one resumed."""
        from phasewise.tui.screens.runs import RunsScreen

        self.app.push_screen(RunsScreen(self.desk), self._run_chosen)

    async def _run_chosen(self, choice: Any) -> None:
        if not choice:
            return
        verb, run_id = choice
        if verb == "resume":
            try:
                self.desk.resume(run_id)
            except PhasewiseError as e:
                self.fail(e)
                return
            self.tell("Resumed from the last checkpoint.")
        run = self.desk.replay(run_id)
        if run is not None and verb == "pin":
            self.desk.pinned = run
            self.tell(f"{run_id} is pinned: its curve is laid under the charts; P takes it away.")
        elif run is not None:
            self.desk.board.current = run_id
            if run.phase in PHASES:
                await self.go(run.phase)  # type: ignore[attr-defined]
                if self.page.live_view() >= 0:  # type: ignore[attr-defined]
                    await self.page.show(self.page.live_view())  # type: ignore[attr-defined]
        self.refresh_pages()  # type: ignore[attr-defined]

    # doors --------------------------------------------------------------------------------------------------

    def action_gate(self) -> None:
        """The conditions of the next door; one that is not met can be overridden with a reason where that is allowed."""
        from phasewise.tui.screens.choose import Choose

        items = self.desk.session.gate(self.phase)  # type: ignore[attr-defined]
        if not items:
            self.tell("This door has no conditions.")
            return
        rows = [(g.id, f"{RUN['finished'].glyph if g.ok else RUN['failed'].glyph} {g.text}{'  (overridden)' if getattr(g, 'overridden', '') else ''}") for g in items]
        missing = [g for g in items if not g.ok]
        text: Content = lines([line((f"{plural(len(missing), 'condition')} not met", "bold warn"))] + [line(("  ", ""), (g.remedy, "muted")) for g in missing if g.remedy]) if missing else say("All conditions are met.", "good")
        self.app.push_screen(Choose(f"What opens the door after {TITLES[self.phase]}", rows, text=text), self._gate_chosen)  # type: ignore[attr-defined]

    def _gate_chosen(self, gate_id: Any) -> None:
        item = next((g for g in self.desk.session.gate(self.phase) if g.id == gate_id), None)  # type: ignore[attr-defined]
        if item is None or item.ok:
            return
        if not item.overridable:
            self.tell(item.remedy or "This condition cannot be overridden.", "warning")
            return
        self.ask_reason(f"Go on although: {item.text}", "The reason is kept in the journal and shown in the report.", lambda reason: self.desk.session.override(self.phase, item.id, reason))  # type: ignore[attr-defined]

    def action_reopen(self) -> None:
        """Reopen this phase with a reason; nothing is erased."""
        self.confirmed_as.pop(self.phase, None)  # type: ignore[attr-defined]
        self.ask_reason(f"Reopen {TITLES[self.phase]}", "Later phases become stale where they depend on it; nothing is erased.", lambda reason: self.desk.session.reopen(self.phase, reason))  # type: ignore[attr-defined]

    def action_skip(self) -> None:
        """Skip this phase with a reason."""
        self.ask_reason(f"Skip {TITLES[self.phase]}", "Only optional phases can be skipped. The report shows the reason.", lambda reason: self.desk.session.skip(self.phase, reason))  # type: ignore[attr-defined]

    def ask_reason(self, title: str, text: str, act: Any) -> None:
        """Ask for a written reason, then act; an error is shown."""
        from phasewise.tui.screens.ask import Ask

        def take(reason: Any) -> None:
            if not reason:
                return
            try:
                act(reason)
            except PhasewiseError as e:
                self.fail(e)
            self.desk.touch()
            self.refresh_pages()  # type: ignore[attr-defined]

        if self.desk.read_only:
            self.tell("This project is open for reading only.", "warning")
        else:
            self.app.push_screen(Ask(title, text, prompt="Reason"), take)
