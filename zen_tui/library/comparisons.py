"""What is asked of comparisons: of runs as one picture, and of methods by what each made."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class CompareSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Draw the losses and samples of `runs` into the file `out`."""

    kind: ClassVar[str] = "compare"
    runs: tuple[int, ...]
    out: str


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison of methods: its run (0: the base alone), and the job of its pictures."""

    name: str
    method: str = ""
    run: int = 0
    job: int = 0


class CompareMethodsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Measure the pictures of `arms`, of which those of `class_prompt` show what became of the class.

    The tables and the sheet go into the folder `out`.
    """

    kind: ClassVar[str] = "compare_methods"
    dataset: str
    base: str
    arms: tuple[Arm, ...]
    class_prompt: str
    out: str
