"""What a step is judged by: the photos, and if wished the class they belong to.

Keeping the class needs no pictures of it: on the same noisy latents, the adapted model is held to the
base's own answer to the caption without the token, so that 'a woman' does not become this woman. After
ai-toolkit's differential output preservation.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.objective import Objective
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.buckets import Size
from zen_tui.training.material import Material
from zen_tui.training.methods.method import Method


def losses(
    family: Family,
    method: Method,
    material: Material,
    objectives: Mapping[Size, Objective],
    settings: TrainSettings,
    batch: chance.Draw,
) -> tuple[Tensor, Tensor]:
    """The loss on the photos of `batch`, and how far the class alone has moved from what the base makes of it.

    The first is weighed by the photos' masks and their own weights, the second is not: the class is kept
    everywhere. Both are means over the batch, whose photos are of one size, so that what a photo weighs does not
    depend on which come with it. The second is 0 unless `prior_preservation` asks for it.
    """
    size = material.sizes[batch.rows[0]]
    objective = objectives[size]
    clean = material.clean(batch.rows, batch.views).to(family.device)
    where = material.weights(batch.rows, batch.views)
    s = batch.s.to(family.device)
    noisy, target = objective.corrupt(clean, batch.noise.to(family.device), s)  # both (N, C, h, w)
    weight = objective.weight(s)
    share = material.share(batch.rows)
    weighed = weight if share is None else weight * share.to(weight.device)
    rows = [
        material.blank if dropped else material.wording(row, wording)
        for row, dropped, wording in zip(batch.rows, batch.dropped, batch.wordings, strict=True)
    ]
    if not (settings.prior_preservation and method.moves_base):
        answer = family.predict(noisy, s, method.conditions(material, rows), size)
        return mean_error(weighed, penalty(answer - target, settings), where), weight.new_zeros(())
    plain = [material.plain_rows[row] for row in batch.rows]
    with torch.no_grad(), method.base_alone():
        wanted = family.predict(noisy, s, method.conditions(material, plain), size)
    both = method.conditions(material, [*rows, *plain])
    answer, kept = family.predict(torch.cat([noisy, noisy]), torch.cat([s, s]), both, size).chunk(2)
    error = mean_error(weighed, penalty(answer - target, settings), where)
    return error, mean_error(weight, (kept - wanted).square(), None)


def penalty(error: Tensor, settings: TrainSettings) -> Tensor:
    """What each error costs: its square; by `huber` large ones only in proportion, so that a few bad photos or
    pixels do not rule. Pseudo-Huber, scaled to agree with the square for small errors, as in kohya's sd-scripts.
    """
    if settings.loss == "squared":
        return error.square()
    square, c = error.square(), settings.huber
    return 2 * c * square / ((square + c * c).sqrt() + c)  # 2c (sqrt(e² + c²) - c), without losing small digits


def mean_error(weight: Tensor, costs: Tensor, where: Tensor | None) -> Tensor:
    """The mean cost, each picture counted by `weight` (N,) and each latent by `where` (N, 1, h, w)."""
    counted = costs if where is None else costs * where.to(costs.device)
    return (weight * counted.flatten(1).mean(1)).mean()
