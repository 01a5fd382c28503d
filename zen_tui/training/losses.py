"""What a step is judged by: the photos, and if wished the class they belong to.

Keeping the class needs no pictures of it: on the same noisy latents, the adapted model is held to the
base's own answer to the caption without the token, so that 'a woman' does not become this woman. After
ai-toolkit's differential output preservation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.families.objective import Objective
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.material import Material
from zen_tui.training.methods.lora import Lora


def losses(
    family: Family,
    method: Lora,
    material: Material,
    objective: Objective,
    settings: TrainSettings,
    batch: chance.Draw,
) -> tuple[Tensor, Tensor]:
    """The loss on the photos of `batch`, and how far the class alone has moved from what the base makes of it.

    Both are means over the batch. The second is 0 unless `prior_preservation` asks for it.
    """
    size = (settings.resolution, settings.resolution)
    clean = material.latents[batch.rows].to(family.device)
    s = batch.s.to(family.device)
    noisy, target = objective.corrupt(clean, batch.noise.to(family.device), s)  # both (N, C, h, w)
    weight = objective.weight(s)
    rows = [
        material.blank if dropped else material.caption_rows[row]
        for row, dropped in zip(batch.rows, batch.dropped, strict=True)
    ]
    if not settings.prior_preservation:
        answer = family.predict(noisy, s, material.captions[rows], size)
        return _mean(weight, answer - target), torch.zeros((), device=family.device)
    plain = material.captions[[material.plain_rows[row] for row in batch.rows]]
    with torch.no_grad(), method.base_alone():
        wanted = family.predict(noisy, s, plain, size)
    both = Cond.join([material.captions[rows], plain])
    answer, kept = family.predict(torch.cat([noisy, noisy]), torch.cat([s, s]), both, size).chunk(2)
    return _mean(weight, answer - target), _mean(weight, kept - wanted)


def _mean(weight: Tensor, error: Tensor) -> Tensor:
    return (weight * error.square().flatten(1).mean(1)).mean()
