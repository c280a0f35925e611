"""What the main screen does to help: why, phases, jump, review, glossary, copy and export."""

from typing import Any

from phasewise.records.phases import DOORS, PHASES, TITLES
from phasewise.tui.marks import PHASE, glyph
from phasewise.tui.say import because, line, lines, say
from phasewise.tui.widgets.coach import question_text


class Helping:
    """Mixed into the main screen; nothing here changes the project."""

    app: Any
    desk: Any

    def action_why(self) -> None:
        """Why the focused question is asked; the page's advice when none has the focus."""
        from phasewise.tui.screens.viewer import Viewer

        page = self.page  # type: ignore[attr-defined]
        question = page.form.focused_question() if page is not None and page.form is not None else None
        if question is not None:
            self.app.push_screen(Viewer(question.text, question_text(question, title=False)))
            return
        focused = self.focused  # type: ignore[attr-defined]
        tip = getattr(focused, "HELP", "") if focused is not None else ""
        self.app.push_screen(Viewer(TITLES[self.phase], self.page_help(tip)))  # type: ignore[attr-defined]

    def page_help(self, tip: str = "") -> str:
        """What a page is for, from the content files, and the keys of the focused place."""
        from phasewise import content

        phase = self.phase  # type: ignore[attr-defined]
        told = content.text(f"advice/{phase}")
        parts = [f"**{DOORS[phase]}**", told, f"**Here:** {tip}" if tip else ""]
        return "\n\n".join(p for p in parts if p)

    def coach_for_page(self) -> None:
        """The coach shows the page's advice while no question has the focus."""
        page = self.page  # type: ignore[attr-defined]
        if not self.coach.display:  # type: ignore[attr-defined]
            return
        question = page.form.focused_question() if page is not None and page.form is not None else None
        if question is not None:
            self.coach.show_question(question)  # type: ignore[attr-defined]
            return
        view = self.desk.phase(self.phase)  # type: ignore[attr-defined]
        rows = [say(DOORS[self.phase], "bold"), say("")]  # type: ignore[attr-defined]
        if view.summary:
            rows += [line(("found    ", "muted"), view.summary), say("")]
        for reason in view.stale_because:
            rows += [line(("stale    ", "warn"), because([reason]))]
        for reason in getattr(view, "overrides", ()):
            rows += [line(("override ", "warn"), reason)]
        from phasewise import content
        from phasewise.tui.say import prose

        told = content.text(f"advice/{self.phase}")  # type: ignore[attr-defined]
        if told:
            rows += [say(""), prose(told)]
        if self.step.message:  # type: ignore[attr-defined]
            rows += [say(""), line(("next     ", "muted"), self.step.message)]  # type: ignore[attr-defined]
        self.coach.show_text(TITLES[self.phase], lines(rows))  # type: ignore[attr-defined]

    def action_phases(self) -> None:
        """The map of phases with states and reasons; choosing goes there."""
        from phasewise.tui.screens.choose import Choose

        ascii_only = self.app.ascii_only
        rows = []
        for p in self.desk.state().phases:
            mark = PHASE[p.state]
            note = because(p.stale_because) or p.summary or DOORS[p.id]
            rows.append((p.id, f"{glyph(mark, ascii_only)} {TITLES[p.id]:<11}{mark.word:<9}{note}"))
        self.app.push_screen(Choose("Phases", rows, selected=self.phase), self._phase_chosen)  # type: ignore[attr-defined]

    async def _phase_chosen(self, phase: Any) -> None:
        if phase in PHASES:
            await self.go(phase)  # type: ignore[attr-defined]

    def action_jump(self) -> None:
        """A letter over every place that takes the focus."""
        from phasewise.tui.screens.jump import Jump

        def take(widget: Any) -> None:
            if widget is not None:
                widget.focus()

        self.app.push_screen(Jump(list(self.focus_targets())), take)  # type: ignore[attr-defined]

    def action_review(self) -> None:
        """Every answer with its source, and the command that repeats the project."""
        from phasewise.tui.screens.review import ReviewScreen

        self.app.push_screen(ReviewScreen(self.desk), self.action_question)

    async def action_question(self, key: str | None) -> None:
        """Go to a question, `phase.field`."""
        if key:
            phase, _, name = key.partition(".")
            await self.go(phase, focus=False)  # type: ignore[attr-defined]
            await self.to_question(name)  # type: ignore[attr-defined]

    def action_glossary(self) -> None:
        """The words of the field as this app uses them."""
        from phasewise import content
        from phasewise.tui.screens.viewer import Viewer

        self.app.push_screen(Viewer("Glossary", content.text("glossary").removeprefix("# Glossary").strip() or "No glossary is installed."))

    # copy and export ----------------------------------------------------------------------------------------

    def _exportable(self) -> Any:
        from phasewise.tui.pages.base import exportable

        page = self.page  # type: ignore[attr-defined]
        found = exportable(page.view) if page is not None and page.view is not None else []
        if self.focused is not None and hasattr(self.focused, "grid"):  # type: ignore[attr-defined]
            return self.focused  # type: ignore[attr-defined]
        if not found:
            self.notify("There is no table or chart here.", severity="warning", markup=False)  # type: ignore[attr-defined]
        return found[0] if found else None

    def action_copy(self) -> None:
        """Copy the table or chart as tab-separated text, and keep a file in case the terminal ignores the clipboard."""
        from phasewise.tui import export

        widget = self._exportable()
        if widget is not None:
            path = export.save(self.desk.session, self.phase, widget, "tsv")  # type: ignore[attr-defined]
            self.app.copy_to_clipboard(export.text_of(widget, "tsv"))
            how = export.native_copy(export.text_of(widget, "tsv"))
            self.notify(f"Copied{' with ' + how if how else ' through the terminal'}; also saved to {path}", markup=False)  # type: ignore[attr-defined]

    def action_export(self) -> None:
        """Save the table or chart as CSV, SVG or text."""
        from phasewise.tui import export
        from phasewise.tui.screens.choose import Choose

        widget = self._exportable()
        if widget is None:
            return

        def take(form: Any) -> None:
            if form:
                path = export.save(self.desk.session, self.phase, widget, form)  # type: ignore[attr-defined]
                self.notify(f"Saved to {path}", markup=False)  # type: ignore[attr-defined]

        rows = [("csv", "CSV: the numbers"), ("svg", "SVG: a picture"), ("txt", "text: as seen here")]
        self.app.push_screen(Choose(f"Export {getattr(widget, 'title_text', 'this')}", rows), take)

    def action_screenshot_file(self) -> None:
        """Save the screen as an SVG picture in the project."""
        from phasewise.tui import export

        folder = export.folder_of(self.desk.session)
        path = self.app.save_screenshot(f"screen-{self.phase}.svg", str(folder))  # type: ignore[attr-defined]
        self.notify(f"Saved to {path}", markup=False)  # type: ignore[attr-defined]

    def action_next_theme(self) -> None:
        """The next theme."""
        self.app.next_theme()
        self.notify(f"Theme: {self.app.theme.removeprefix('phasewise-')}", markup=False, timeout=2)  # type: ignore[attr-defined]
