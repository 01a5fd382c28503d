"""What is asked of the people that Zen draws: photos of one, and scores of pictures of one."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class MannequinPhotosSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Render `count` photos of the person that `seed` draws and import them as dataset `dataset`."""

    kind: ClassVar[str] = "mannequin_photos"
    dataset: str
    token: str = "ohwx"
    seed: int = 0
    count: int = 20


class MannequinScoreSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Compare the pictures of two jobs, base alone and with the adapter, for the person of `seed`."""

    kind: ClassVar[str] = "mannequin_score"
    dataset: str
    seed: int
    base_job: int
    adapter_job: int
    run: int
    sheet: str
