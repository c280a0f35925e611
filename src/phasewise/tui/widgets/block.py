"""A block of styled lines drawn for the width it is given, the base of most displays; a stack of which one is seen."""

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher


class Stack(ContentSwitcher):
    """One of several children is seen; its own size is what its parent gives it, so a new child is no reason to lay the screen out twice."""

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))


class Block(Widget):
    """Lines drawn by `draw(width)`; asks again when the width or the data changes, keeps nothing else."""

    DEFAULT_CSS = "Block { height: auto; width: 1fr; }"
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))  # a block never scrolls: a new size of its own is no reason to lay the screen out once more

    def __init__(self, draw: Callable[[int], Content] | None = None, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self.set_reactive(Block.auto_links, False)  # keys that can be clicked look like all others
        self._draw = draw

    def draw(self, width: int) -> Content:
        """The content for a width in cells; subclasses override it, others give `draw` to the constructor."""
        return self._draw(width) if self._draw else Content("")

    def show(self, draw: Callable[[int], Content] | Content | str) -> None:
        """Show something else from now on."""
        if isinstance(draw, str):
            draw = Content(draw)
        self._draw = draw if callable(draw) else (lambda _width, content=draw: content)
        self.redraw()

    def redraw(self) -> None:
        """The data behind the block changed."""
        self.refresh(layout=self.styles.height is None or self.styles.is_auto_height)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as there is room."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The number of lines after wrapping at this width."""
        content = self.draw(width)
        return content.get_height({}, width) if content.plain else 0  # type: ignore[arg-type]

    def render(self) -> Content:
        """The lines for the present width."""
        return self.draw(max(self.content_size.width, 1))
