"""Two themes of Zen's own, and the extra colour names that the style sheets use with every theme.

`$line` panel lines, `$muted` labels, `$attention` look here, `$best` best and stars, `$lost` failed, and
`$primary` what works. Textual's own themes get them from their own colours.
"""

from __future__ import annotations

from textual.theme import Theme

ZEN = Theme(
    name="zen",
    primary="#58c9a3",
    secondary="#8fb8a8",
    accent="#f08a5d",
    warning="#f08a5d",
    success="#58c9a3",
    error="#e5606b",
    foreground="#cdd6df",
    background="#0f1216",
    surface="#141920",
    panel="#1a2028",
    dark=True,
    variables={
        "line": "#2a323c",
        "muted": "#6f7c8a",
        "bright": "#eef3f7",
        "attention": "#f08a5d",
        "best": "#e6c35c",
        "lost": "#e5606b",
        "block-cursor-background": "#1c302d",
        "block-cursor-foreground": "#eef3f7",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#151a20",
        "input-selection-background": "#58c9a3 30%",
        "input-cursor-background": "#58c9a3",
        "input-cursor-foreground": "#0f1216",
        "scrollbar": "#2a323c",
        "scrollbar-hover": "#3a4552",
        "scrollbar-active": "#58c9a3",
        "scrollbar-background": "#0f1216",
        "scrollbar-background-hover": "#0f1216",
        "scrollbar-background-active": "#0f1216",
        "scrollbar-corner-color": "#0f1216",
        "footer-background": "#0f1216",
    },
)
PAPER = Theme(
    name="paper",
    primary="#1f7d61",
    secondary="#4c7a6b",
    accent="#b8502a",
    warning="#b8502a",
    success="#1f7d61",
    error="#b3313f",
    foreground="#2b3138",
    background="#f7f4ee",
    surface="#f1ede5",
    panel="#e9e4da",
    dark=False,
    variables={
        "line": "#d3cbbd",
        "muted": "#76716a",
        "bright": "#12161a",
        "attention": "#b8502a",
        "best": "#94700f",
        "lost": "#b3313f",
        "block-cursor-background": "#dfe8e0",
        "block-cursor-foreground": "#12161a",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#ebe6dc",
        "input-selection-background": "#1f7d61 25%",
        "input-cursor-background": "#1f7d61",
        "input-cursor-foreground": "#f7f4ee",
        "scrollbar": "#d3cbbd",
        "scrollbar-hover": "#bdb4a4",
        "scrollbar-active": "#1f7d61",
        "scrollbar-background": "#f7f4ee",
        "scrollbar-background-hover": "#f7f4ee",
        "scrollbar-background-active": "#f7f4ee",
        "scrollbar-corner-color": "#f7f4ee",
        "footer-background": "#f7f4ee",
    },
)


def fill_in(variables: dict[str, str]) -> dict[str, str]:
    """`variables` of any theme with Zen's extra names added where the theme lacks them."""
    return {
        "line": variables["panel-lighten-2"],
        "muted": variables["foreground-darken-3"],
        "bright": variables["foreground"],
        "attention": variables["warning"],
        "best": variables["warning"],
        "lost": variables["error"],
        **variables,
    }
