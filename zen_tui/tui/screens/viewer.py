"""A generated picture in full size, with its prompt and recipe, to be judged like in the grid."""

from __future__ import annotations

from textual.content import Content

from zen_tui.library.records import Picture
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import Recall
from zen_tui.tui.screens.full_size import FullSizeScreen, Shown
from zen_tui.tui.screens.judging import Judge, stars


class ViewerScreen(FullSizeScreen):
    """Shows `pictures`, beginning with the one at `index`."""

    scope = "viewer"
    BINDINGS = bindings("viewer")

    def __init__(self, pictures: list[Picture], index: int = 0, *, place: str = "gallery") -> None:
        super().__init__([], index, place=place)
        self.pictures = list(pictures)
        self.index = max(0, min(index, len(pictures) - 1))

    def load(self) -> None:
        self.judge = Judge(self.zen)
        self.entries = [
            Shown(self.zen.home.resolve(picture.path), f"picture {picture.id}", picture.prompt)
            for picture in self.pictures
        ]
        self.show_entry()

    @property
    def picture(self) -> Picture:
        return self.pictures[self.index]

    def line(self) -> Content:
        picture = self.picture
        recipe = picture.recipe
        used = [f"{a['name']}:{a['weight']:g}" for a in recipe.get("adapters", [])]
        facts = [f"{recipe['base']}" if "base" in recipe else "", *used, f"seed {picture.seed}"]
        facts += [f"{recipe['steps']} steps"] if "steps" in recipe else []
        facts += [f"guidance {recipe['guidance']:g}"] if "guidance" in recipe else []
        facts.append(f"{picture.width}×{picture.height}")
        mark = ("rejected  ", "$lost") if picture.rejected else (f"{stars(picture.rating)}  ", "$best")
        told = "  ".join(fact for fact in facts if fact)
        return Content.assemble(mark, (picture.prompt, "$foreground"), "\n", (told, "$muted"))

    def action_rate(self, rating: int) -> None:
        if self.judge.rate([self.picture], rating):
            self.show_entry()

    def action_reject(self, rejected: bool) -> None:
        if self.judge.reject([self.picture], rejected):
            self.show_entry()

    def action_restore(self) -> None:
        restored = self.judge.restore()
        for index, picture in enumerate(self.pictures):
            if picture.id == restored:
                picture.rejected = False
                self.index = index
        self.show_entry()

    def action_recall(self) -> None:
        self.post_message(Recall(self.picture))

    def action_export(self) -> None:
        self.judge.export([self.picture])
