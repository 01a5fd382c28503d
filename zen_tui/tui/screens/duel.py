"""Two pictures, the better one stays: again and again, until one is best."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from zen_tui.library.records import Picture
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.judging import Judge
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.picture_pane import PicturePane

BEST = 5


class Duel:
    """The order of the fights: the winner of one meets the next picture that has not lost yet."""

    def __init__(self, pictures: list[Picture]) -> None:
        self.left, self.right, *self.waiting = pictures
        self.past: list[tuple[Picture, Picture, list[Picture]]] = []
        self.best: Picture | None = None

    @property
    def to_go(self) -> int:
        """Fights left, the present one included."""
        return 0 if self.best else len(self.waiting) + 1

    def choose(self, right: bool) -> None:
        """The winner stays on its side; a new one comes in on the other."""
        if self.best:
            return
        self.past.append((self.left, self.right, list(self.waiting)))
        winner = self.right if right else self.left
        if not self.waiting:
            self.best = winner
        elif right:
            self.left = self.waiting.pop(0)
        else:
            self.right = self.waiting.pop(0)

    def undo(self) -> None:
        """Take the last choice back."""
        if self.past:
            self.left, self.right, self.waiting = self.past.pop()
            self.best = None


class DuelScreen(Place):
    """The winner of the last fight gets five stars."""

    place = "gallery"
    scope = "duel"
    BINDINGS = bindings("duel")
    CSS_PATH = "duel.tcss"

    def __init__(self, pictures: list[Picture]) -> None:
        super().__init__()
        self.duel = Duel(pictures)
        self._rating_before: int | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="ring"):
            for name, title in (("left", "←"), ("right", "→")):
                with Vertical(classes="panel", id=name) as side:
                    side.border_title = title
                    yield PicturePane()
        yield Static(id="score")

    def load(self) -> None:
        self._show()

    def _show(self) -> None:
        duel = self.duel
        for name, picture in (("left", duel.left), ("right", duel.right)):
            side = self.query_one(f"#{name}")
            side.set_class(duel.best is picture, "-best")
            side.query_one(PicturePane).show(self.zen.home.resolve(picture.path), picture.prompt)
        if duel.best:
            text = Content.assemble(
                ("★ picture ", "$best"), (str(duel.best.id), "$best"), " is the best: five stars."
            )
        else:
            text = Content.styled(f"Which is better? {duel.to_go} to go.", "$foreground")
        self.query_one("#score", Static).update(text)

    def action_choose(self, side: int) -> None:
        if self.duel.best:
            return
        self.duel.choose(bool(side))
        if self.duel.best:
            self._rating_before = self.duel.best.rating
            Judge(self.zen).rate([self.duel.best], BEST)
        self._show()

    def action_undo(self) -> None:
        if self.duel.best and self._rating_before is not None:
            Judge(self.zen).rate([self.duel.best], self._rating_before)
        self.duel.undo()
        self._show()
