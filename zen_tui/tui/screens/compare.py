"""Two to four pictures side by side, each with what tells its recipe from the others'."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from zen_tui.library.records import Picture
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.judging import Judge, stars
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.picture_pane import PicturePane


class CompareScreen(Place):
    """`at` is the picture that a rating goes to."""

    place = "gallery"
    scope = "compare"
    BINDINGS = bindings("compare")
    CSS_PATH = "compare.tcss"

    def __init__(self, pictures: list[Picture]) -> None:
        super().__init__()
        self.pictures = pictures
        self.at = 0

    def body(self) -> ComposeResult:
        with Horizontal(id="side-by-side"):
            for number, picture in enumerate(self.pictures):
                with Vertical(classes="panel side", id=f"side-{number}") as side:
                    side.border_title = f"picture {picture.id}"
                    yield PicturePane()
                    yield Static(classes="told")

    def load(self) -> None:
        self.judge = Judge(self.zen)
        for number, picture in enumerate(self.pictures):
            side = self.query_one(f"#side-{number}")
            side.query_one(PicturePane).show(self.zen.home.resolve(picture.path), picture.prompt)
        self._mark()

    def _mark(self) -> None:
        apart = differences(self.pictures)
        for number, picture in enumerate(self.pictures):
            side = self.query_one(f"#side-{number}")
            side.set_class(number == self.at, "-here")
            lines = [Content.styled(stars(picture.rating) or "not rated", "$best" if picture.rating else "$muted")]
            lines += [
                Content.assemble((f"{name} ", "$muted"), (value, "$foreground")) for name, value in apart[number]
            ]
            side.query_one(".told", Static).update(Content("\n").join(lines))

    def action_move(self, by: int) -> None:
        self.at = (self.at + by) % len(self.pictures)
        self._mark()

    def action_rate(self, rating: int) -> None:
        if self.judge.rate([self.pictures[self.at]], rating):
            self._mark()


def differences(pictures: list[Picture]) -> list[list[tuple[str, str]]]:
    """For each picture the (name, value) of what is not the same for all; the seed when all is the same."""
    told = [_facts(picture) for picture in pictures]
    names = [name for name in told[0] if len({facts.get(name, "") for facts in told}) > 1] or ["seed"]
    return [[(name, facts.get(name, "")) for name in names] for facts in told]


def _facts(picture: Picture) -> dict[str, str]:
    recipe: dict[str, Any] = picture.recipe
    used = " ".join(f"{a['name']}:{a['weight']:g}" for a in recipe.get("adapters", []))
    return {
        "prompt": picture.prompt,
        "negative": picture.negative,
        "seed": str(picture.seed),
        "size": f"{picture.width}×{picture.height}",
        "base": str(recipe.get("base", "")),
        "adapters": used,
        "steps": str(recipe.get("steps", "")),
        "guidance": f"{recipe.get('guidance', 0):g}",
        "scheduler": str(recipe.get("scheduler", "")),
    }
