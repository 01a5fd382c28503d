"""Running commands in this process, as a script would run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from zen_tui.cli.main import run


class Answer(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return msgspec.json.decode(self.out.encode())


Zen = Callable[..., Answer]


@pytest.fixture
def zen(home: object, capfd: pytest.CaptureFixture[str]) -> Zen:
    """`zen("datasets", "list")` runs the command and returns its answer."""

    def call(*words: object) -> Answer:
        capfd.readouterr()
        code = run([str(word) for word in words])
        printed = capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    return call
