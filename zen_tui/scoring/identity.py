"""Who is in a picture: nearest of many people by the cosine of what an identity reader sees."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def mean_identity(embeddings: Tensor) -> Tensor:
    """The direction (D,) that the embeddings (N, D) of one person share."""
    return normalize(normalize(embeddings.float(), dim=-1).mean(0), dim=-1)


def nearest(embeddings: Tensor, person: Tensor, others: Tensor) -> Tensor:
    """Of each picture (N, D), whether it is nearer to `person` (D,) than to each of `others` (M, D)."""
    seen = normalize(embeddings.float(), dim=-1)
    own = seen @ normalize(person.float(), dim=-1)
    return own > (seen @ normalize(others.float(), dim=-1).T).max(dim=1).values


def top1(embeddings: Tensor, person: Tensor, others: Tensor) -> float:
    """The share of pictures that are nearer to `person` than to each of `others`; shapes as in `nearest`."""
    return float(nearest(embeddings, person, others).float().mean())


def likeness(embeddings: Tensor, person: Tensor) -> float:
    """The mean cosine of pictures (N, D) with `person` (D,)."""
    return float((normalize(embeddings.float(), dim=-1) @ normalize(person.float(), dim=-1)).mean())


def variety(embeddings: Tensor) -> float:
    """The mean cosine distance of all pairs: how different from each other the people in (N, D) are."""
    seen = normalize(embeddings.float(), dim=-1)
    pairs = torch.triu_indices(len(seen), len(seen), offset=1)
    return float((1 - (seen @ seen.T)[pairs[0], pairs[1]]).mean())
