"""Sizes a base can make, and the nearest to those it cannot."""

from __future__ import annotations

import pytest

from zen_tui.library.errors import Refused
from zen_tui.library.sizes import nearest_size, require_size


@pytest.mark.parametrize("size", [(64, 64), (128, 192), (4096, 64)])
def test_sizes_that_work(size: tuple[int, int]) -> None:
    require_size(*size, multiple=8, base="zen-mini")
    assert nearest_size(*size, 8) == size


@pytest.mark.parametrize(
    ("size", "near"), [((130, 128), "128x128"), ((10, 70), "64x72"), ((9000, 512), "4096x512"), ((0, 0), "64x64")]
)
def test_others_are_refused_with_the_nearest(size: tuple[int, int], near: str) -> None:
    with pytest.raises(Refused, match="multiple of 8") as caught:
        require_size(*size, multiple=8, base="zen-mini")
    assert near in caught.value.hint
