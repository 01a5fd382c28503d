"""The few things about pictures that are not in the prompts, and what it all comes to.

A field shows in grey what suits the base; what a person types stands out and holds instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Select, Static

from zen_tui.library.records import Adapter, Base, Picture
from zen_tui.library.specs import Offload, Quantize
from zen_tui.library.text import clean, duration, plural
from zen_tui.tui.wishes import Wish, Wished

ROWS = (("size", "steps"), ("guidance", "seed"), ("count", "scheduler"))
SHORT = {"scheduler": "sampler"}
MEMORY: dict[str, tuple[str, ...]] = {"quantize": get_args(Quantize), "offload": get_args(Offload)}


class PictureForm(VerticalScroll, can_focus=False):
    """`wish` reads the fields, `tell` says what they come to, `fill` recalls a recipe."""

    DEFAULT_CSS = """
    PictureForm {
        height: 1fr;
        & #sum { height: auto; min-height: 2; margin-bottom: 1; }
        & Horizontal { height: 1; }
        & Label { width: 10; color: $muted; }
        & Input, & Select { width: 1fr; }
        & .-auto SelectCurrent Static#label { color: $muted; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="sum")
        with Horizontal():
            yield Label("base")
            yield Select[str]([], prompt="that of the adapter", id="base", compact=True)
        with Horizontal():
            yield Label("adapters")
            yield Input(placeholder="none; F3 chooses", id="adapters", compact=True)
        for row in ROWS:
            with Horizontal():
                for name in row:
                    yield Label(SHORT.get(name, name))
                    yield Input(id=name, compact=True)
        with Horizontal():
            for name, words in MEMORY.items():
                yield Label(name)
                yield Select(
                    [(word, word) for word in words], value="auto", allow_blank=False, id=name, compact=True
                )
        with Horizontal():
            yield Label("negative")
            yield Input(placeholder="what to keep out", id="negative", compact=True)

    def on_select_changed(self, event: Select.Changed) -> None:
        event.select.set_class(event.value == "auto", "-auto")

    def offer(self, bases: Sequence[Base], adapters: Sequence[Adapter]) -> None:
        """Let a person choose among these; what is chosen stays chosen."""
        select = self.query_one("#base", Select)
        before = select.value
        names = [base.slug for base in bases]
        select.set_options([(name, name) for name in names])
        if before in names:
            select.value = before
        self.field("adapters").placeholder = "F3 chooses" if adapters else "none yet; train one first"

    def field(self, name: str) -> Input:
        """One of the fields."""
        return self.query_one(f"#{name}", Input)

    @property
    def adapters(self) -> str:
        """The chosen adapters, as typed: 'mara:0.8'."""
        return self.field("adapters").value

    def use(self, adapters: str | None) -> None:
        """Choose these adapters, as they would be typed; None changes nothing."""
        if adapters is not None:
            self.field("adapters").value = adapters

    def wish(self, text: str) -> Wish:
        """What the fields say, with `text` from the editor."""
        base = self.query_one("#base", Select).value
        values: dict[str, Any] = {name: self.field(name).value for row in ROWS for name in row}
        values |= {name: self.query_one(f"#{name}", Select).value for name in MEMORY}
        return Wish(
            text=text,
            base=base if isinstance(base, str) else None,
            adapters=self.adapters,
            negative=self.field("negative").value,
            **values,
        )

    def fill(self, picture: Picture) -> None:
        """Fill the fields in from the recipe of a picture; what it lacks is left to the base."""
        recipe: dict[str, Any] = picture.recipe
        for name in ("steps", "guidance", "scheduler"):
            value = recipe.get(name)
            self.field(name).value = (
                "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
            )
        self.field("size").value = f"{picture.width}x{picture.height}"
        self.field("seed").value = str(picture.seed)
        self.field("count").value = ""
        self.field("negative").value = picture.negative
        uses = recipe.get("adapters") or []
        self.use(" ".join(f"{use['name']}:{use['weight']:g}" for use in uses))
        stored = (recipe.get("stored") or {}).get("denoiser")  # it rounds, so that the picture depends on it
        self.query_one("#quantize", Select).value = stored if stored in MEMORY["quantize"] else "auto"
        select, base = self.query_one("#base", Select), recipe.get("base")
        select.value = base if base in [value for _, value in select._options] else Select.NULL

    def tell(self, wished: Wished, *, empty: bool) -> None:
        """Say how many pictures it makes, how long that takes and how the base fits, or what is wrong."""
        lines: list[Content] = []
        if empty:
            lines.append(Content.styled("Write a prompt on the left.", "$muted"))
        elif wished.error:
            lines.append(Content.styled(clean(wished.error, 300), "$lost"))
            if not self.screen.has_class("-short"):
                lines.append(Content.styled(clean(wished.hint, 300), "$muted"))
        else:
            count = Content.styled(plural(len(wished.requests), "picture"), "bold $bright")
            lines.append(Content.assemble(count, *self._of_how_many_prompts(wished)))
            lines.append(_time(wished.seconds))
            lines += [_fitted(name, text) for name, text in wished.fit]
        self.query_one("#sum", Static).update(Content("\n").join(lines))
        self._show_defaults(wished)

    def _of_how_many_prompts(self, wished: Wished) -> list[Content]:
        prompts = len({request.prompt for request in wished.requests})
        if prompts == len(wished.requests):
            return []
        return [Content.styled(f" of {plural(prompts, 'prompt')}", "$muted")]

    def _show_defaults(self, wished: Wished) -> None:
        """The grey text in the empty fields: what suits the base."""
        if wished.base is not None:
            self.query_one("#base", Select).prompt = wished.base.slug
        found = wished.defaults
        if found is None:
            return
        shown = {
            "size": f"{found.width}x{found.height}",
            "steps": str(found.steps),
            "guidance": f"{found.guidance:g}",
            "scheduler": found.scheduler,
            "seed": "any",
            "count": "1",
        }
        for name, text in shown.items():
            self.field(name).placeholder = text


def _time(seconds: float | None) -> Content:
    if seconds is None:
        return Content.styled("How long: not measured here yet", "$muted")
    return Content.assemble("about ", (duration(max(1, seconds)), "$attention"))


def _fitted(name: str, text: str) -> Content:
    """A line of what the memory asks for; what may not work stands out."""
    if name == "note":
        return Content.styled(clean(text, 200), "$attention")
    return Content.assemble((f"{name}: ", "$muted"), clean(text, 200))
