"""The tags of the chosen captions: which all of them have, and which some."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets.option_list import Option

from zen_tui.library.text import clean
from zen_tui.tui.widgets.choices import Choices

MOST = 200  # tags shown; captions that are sentences have thousands, each once


class TagList(Choices):
    """`show` fills it, the most frequent tag first; `current` is the one under the cursor."""

    tags: Sequence[tuple[str, int]] = ()

    def show(self, tags: Sequence[tuple[str, int]], of: int) -> None:
        """Show `tags` with how many of the `of` captions have each; the cursor stays on its tag."""
        before = self.current
        self.tags = tags[:MOST]
        lines: list[Option] = [Option(self._line(tag, count, of)) for tag, count in self.tags]
        if len(tags) > MOST:
            lines.append(Option(Content.styled(f"and {len(tags) - MOST:,} more", "$muted"), disabled=True))
        self.clear_options()
        self.add_options(lines)
        names = [tag for tag, _ in self.tags]
        self.highlighted = names.index(before) if before in names else (0 if names else None)

    @property
    def current(self) -> str | None:
        at = self.highlighted
        return self.tags[at][0] if at is not None and at < len(self.tags) else None

    def _line(self, tag: str, count: int, of: int) -> Content:
        every = count == of
        told = ("all" if of > 1 else "") if every else f"{count:,} of {of:,}"
        width = max(12, self.scrollable_content_region.width - 1)
        name = clean(tag, max(8, width - len(told) - 1))
        space = " " * max(1, width - len(name) - len(told))
        return Content.assemble(
            (name, "$bright" if every else "$foreground"), space, (told, "$primary" if every else "$muted")
        )
