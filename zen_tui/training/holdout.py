"""The stable loss: the same photos, noise and times each time, so that two scores can be compared.

The ordinary loss is mostly the luck of the drawn times. After kohya's sd-scripts, docs/validation.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from zen_tui.families.objective import Objective
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.buckets import Size
from zen_tui.training.losses import mean_error
from zen_tui.training.material import Material
from zen_tui.training.methods.method import Method

TIMES = 8  # fixed times a photo


@torch.no_grad()
def score(
    method: Method,
    objectives: Mapping[Size, Objective],
    material: Material,
    rows: list[int],
    settings: TrainSettings,
) -> float:
    """Mean weighted loss over photos `rows`, each at `TIMES` times under noise that its row determines.

    Photos are scored in their own size, as they are: neither mirrored nor jittered.
    """
    family = method.family
    denoiser = family.denoiser()
    was_training = denoiser.training
    denoiser.eval()
    at_once = 2 * settings.batch_size  # a forward alone needs less memory than a step
    total = 0.0
    for row in rows:
        size = material.sizes[row]
        objective = objectives[size]
        latents, where = material.clean([row], [0]), material.weights([row], [0])
        clean = latents.expand(TIMES, *latents.shape[1:])
        noise = torch.randn(clean.shape, generator=chance.generator(settings.seed, "holdout", row))
        times = objective.grid(TIMES)
        for start in range(0, TIMES, at_once):
            part = slice(start, start + at_once)
            s = times[part].to(family.device)
            noisy, target = objective.corrupt(clean[part].to(family.device), noise[part].to(family.device), s)
            captions = method.conditions(material, [material.wording(row)] * len(s))
            answer = family.predict(noisy, s, captions, size)
            total += len(s) * float(mean_error(objective.weight(s), (answer - target).square(), where))
    denoiser.train(was_training)
    return total / (len(rows) * TIMES)
