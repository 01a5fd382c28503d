"""One file per model architecture, behind one interface. Only code inside the worker comes here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zen_tui.families.base import Family
    from zen_tui.families.cond import Cond
    from zen_tui.families.loading import load_family
    from zen_tui.families.objective import Objective

__all__ = ["Cond", "Family", "Objective", "load_family"]


def __getattr__(name: str) -> Any:
    if name == "load_family":
        from zen_tui.families.loading import load_family

        return load_family
    if name == "Cond":
        from zen_tui.families.cond import Cond

        return Cond
    if name == "Objective":
        from zen_tui.families.objective import Objective

        return Objective
    if name == "Family":
        from zen_tui.families.base import Family

        return Family
    raise AttributeError(name)
