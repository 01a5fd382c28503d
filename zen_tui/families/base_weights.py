"""The weights of a base, one layer at a time, so that a base larger than the memory can be gone through."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from zen_tui.exchange.base_layers import Where, places_of
from zen_tui.exchange.source import source_of
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.records import Base


def differing(tuned: Base, base: Base, parts: tuple[str, ...]) -> Iterator[tuple[str, str, Tensor, Tensor]]:
    """(part, layer, weight in `base`, weight in `tuned`) of every layer that both have, of these parts.

    Raises:
        Refused: they are of different families or shapes.
        BadFile: a file of them is damaged.
    """
    old = places_of(source_of(base), base.family, parts)
    new = places_of(source_of(tuned), tuned.family, parts)
    same = old.keys() == new.keys() and all(_sizes(old[part]) == _sizes(new[part]) for part in old)
    if base.family != tuned.family or not same:
        raise Refused(
            f"{tuned.slug} is no fine-tune of {base.slug}: their layers differ.", "Name the base it was made from."
        )
    for part, places in old.items():
        for layer, where in places.items():
            yield part, layer, _weight(where), _weight(new[part][layer])


def _sizes(places: dict[str, Where]) -> dict[str, tuple[int, int]]:
    return {layer: where.size for layer, where in places.items()}


def _weight(where: Where) -> Tensor:
    try:
        with safe_open(where.file, "pt") as file:
            tensor: Tensor = file.get_tensor(where.key)
    except (OSError, SafetensorError):
        raise BadFile(f"{where.file.name} cannot be read.", "Get the base again.") from None
    if where.rows is None:
        return tensor
    return torch.cat([tensor[first:last] for first, last in where.rows])
