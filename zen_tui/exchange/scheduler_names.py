"""The samplers by the names people know them by, and which of them a family draws with. Without torch."""

from __future__ import annotations

from zen_tui.library.errors import WrongUse
from zen_tui.library.text import clean, nearest

DIFFUSION = ("default", "ddim", "euler", "euler-ancestral", "dpm++2m", "dpm++2m-karras", "unipc")
FLOW = ("default", "euler", "dpm++2m", "unipc")
_DIFFUSION_FAMILIES = ("sd15", "sdxl")  # all others are flows


def schedulers_of(family: str) -> tuple[str, ...]:
    """The samplers that bases of `family` draw with."""
    return DIFFUSION if family in _DIFFUSION_FAMILIES else FLOW


def require_scheduler(name: str, names: tuple[str, ...], base: str = "this base") -> None:
    """Raise `WrongUse`, with the nearest of `names`, if the sampler `name` is none of them."""
    if name in names:
        return
    close = nearest(name, names)
    hint = f"Did you mean {close}?" if close else f"The schedulers are: {', '.join(names)}."
    of_others = f" for {base}" if name in DIFFUSION else ""
    raise WrongUse(f"There is no scheduler called {clean(name, 40)}{of_others}.", hint)
