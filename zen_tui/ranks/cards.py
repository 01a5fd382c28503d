"""Which graphics cards there are for several processes, asked of the driver without torch.

`ZEN_DEVICE=cpu` computes on the processor even where there is a card; several processes then share it. That is
slower than one, and there to try the way of several processes on a machine without cards.
"""

from __future__ import annotations

import os

from zen_tui.library.errors import WrongUse
from zen_tui.library.text import plural

MOST = 64


def on_processor() -> bool:
    """Whether the person wants to compute on the processor."""
    return os.environ.get("ZEN_DEVICE", "") == "cpu"


def cards() -> list[str]:
    """The cards that may be used, as `CUDA_VISIBLE_DEVICES` names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip()]
    try:
        import pynvml

        pynvml.nvmlInit()
        return [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # no driver or no card
        return []


def require_cards(count: int) -> list[str]:
    """The card for each of `count` processes; all '' on the processor. One process takes what there is.

    Raises:
        WrongUse: there are fewer cards.
    """
    if not 1 <= count <= MOST:
        raise WrongUse(f"--gpus must be between 1 and {MOST}, not {count}.")
    if count == 1 or on_processor():
        return [""] * count
    found = cards()
    if len(found) < count:
        there = f"has {plural(len(found), 'GPU')}" if found else "has no GPU"
        fewer = "Leave --gpus out." if len(found) < 2 else f"Ask for --gpus {len(found)} at most."
        raise WrongUse(f"--gpus {count} needs {count} GPUs, and this machine {there} that Zen can use.", fewer)
    return found[:count]
