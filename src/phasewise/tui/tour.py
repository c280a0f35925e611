"""The scripted tour: pages in turn with a caption each, real work in between; any key ends it and nothing is undone."""

import asyncio
import contextlib
from typing import Any

from phasewise import content

REASON = "The tour shows how a network is trained."


class Tour:
    """Walks the main screen of an open project; `pace` divides every wait (tests hurry)."""

    def __init__(self, *, pace: float = 1.0) -> None:
        self.pace = pace
        self.stops = content.tour()
        self.at = -1
        self._stopped = False

    def stop(self) -> None:
        """A key was pressed: the tour ends where it is."""
        self._stopped = True

    @property
    def over(self) -> bool:
        """Whether it ended or was ended."""
        return self._stopped

    async def run(self, app: Any) -> None:
        """Every stop in order; a stop that cannot be reached is passed over."""
        screen = app.screen
        await self._idle(screen)
        for number, stop in enumerate(self.stops):
            if self._stopped:
                break
            self.at = number
            app.clear_notifications()
            screen.notify(stop.caption, title=f"Tour {number + 1} of {len(self.stops)}", timeout=600, markup=False)
            await screen.go(stop.phase, focus=False)
            if stop.do:
                await getattr(self, f"_{stop.do}")(screen, stop)
            if stop.view is not None:
                await screen.page.show(stop.view, focus=False)
            screen.refresh_actions()
            await self._wait(stop.seconds)
            await self._idle(screen)
        self._stopped = True
        app.clear_notifications()

    async def _express(self, screen: Any, stop: Any) -> None:
        await screen.express(stop.through)

    async def _network(self, screen: Any, stop: Any) -> None:
        session = screen.desk.session
        if screen.desk.phase("train").state == "skipped":
            session.answers.set("baseline", "go_on_reason", REASON)
            session.confirm("baseline")
            screen.desk.touch()
            screen.refresh_pages()
        if screen.desk.primary("train").act == "run":
            await screen.go("train", focus=False)
            await screen.action_primary()

    async def _wait(self, seconds: float) -> None:
        for _ in range(max(int(10 * seconds / self.pace), 1)):
            if self._stopped:
                return
            await asyncio.sleep(0.1 if self.pace <= 1 else 0.01)

    async def _idle(self, screen: Any) -> None:
        """Until no run goes on and nothing starts by itself, two minutes at most; the pages stay alive meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(120):
                while not self._stopped and (screen.desk.running() is not None or screen.desk.busy or screen.auto):
                    await asyncio.sleep(0.1)
