"""What a person sees who opens Zen with nothing in it: what to do first, and a demo to watch."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

STEPS = (
    ("i", "import photos", "a folder with ten to thirty of one person, pet or thing"),
    ("D", "watch the demo", "photos, training and pictures of a made-up person"),
    ("?", "see the keys", "everything works from the keyboard, and with the mouse"),
)


class Welcome(VerticalScroll, can_focus=False):
    """Shown by Datasets in place of its panes."""

    DEFAULT_CSS = """
    Welcome { align: center middle; width: 1fr; height: 1fr; }
    Welcome > #welcome { width: 68; max-width: 100%; height: auto; padding: 0 2; }
    """

    def compose(self) -> ComposeResult:
        yield Static(text(), id="welcome")


def text() -> Content:
    """The whole message."""
    lines = [
        Content.styled("zen", "bold $primary"),
        Content(""),
        Content("Train a model of someone or something from your own photos, and make pictures with it."),
        Content.styled("Everything happens on this machine; nothing is sent anywhere.", "$muted"),
        Content(""),
    ]
    for key, label, why in STEPS:
        lines.append(Content.assemble((f"  {key}  ", "bold $primary"), (label, "$bright")))
        lines.append(Content.styled(f"     {why}", "$muted"))
        lines.append(Content(""))
    return Content("\n").join(lines)
