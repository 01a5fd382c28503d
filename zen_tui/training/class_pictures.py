"""Holding on to the class: pictures of it that the base drew are learned beside the photos, under the class alone.

As many of them as photos are in each batch, drawn from the seed and the number of the batch. Where
`prior_preservation` holds the base's answers on the photos, this holds what the class looks like by itself; both
may act at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.objective import Objective
from zen_tui.generation.class_pictures import class_pictures, class_requests
from zen_tui.library.durable import hash_file
from zen_tui.library.events import Feed
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.beginning import Example, class_caption
from zen_tui.training.buckets import Size
from zen_tui.training.losses import mean_error, penalty
from zen_tui.training.material import Material, fingerprint
from zen_tui.training.methods.method import Method


def class_examples(
    family: Family, home: Home, base: Base, dataset: Dataset, settings: TrainSettings, feed: Feed
) -> list[Example]:
    """The pictures of the class that the settings ask for, drawn if they are not there.

    Raises:
        Interrupted: the feed asked for it; what is drawn is kept.
    """
    if not settings.class_pictures:
        return []
    caption, side = class_caption(dataset), settings.resolution
    requests = class_requests(base, caption, settings.class_pictures, side, settings.seed)
    profile = family.profile
    models = [*profile.text_encoders, profile.denoiser, profile.vae]
    known = fingerprint(family, models, profile.tokenizers)
    paths = class_pictures(family, requests, home.cache(dataset.slug), known, feed)
    return [
        Example(
            path=str(path),
            hash=hash_file(path),
            width=side,
            height=side,
            caption=caption,
            plain_caption=caption,
            crop=None,
            repeats=1,
            held_out=False,
            of_class=True,
        )
        for path in paths
    ]


def class_loss(
    family: Family,
    method: Method,
    material: Material,
    objectives: Mapping[Size, Objective],
    settings: TrainSettings,
    number: int,
    share: chance.Share = chance.ALL,
) -> Tensor | float:
    """The loss on the class pictures of batch `number`, or on the part that `share` has of it; 0 with none."""
    if not material.of_class or not settings.class_weight:
        return 0.0
    size = material.sizes[material.of_class[0]]
    objective = objectives[size]
    drawn = chance.draw(
        material.of_class,
        objective,
        tuple(material.latents[material.of_class[0]].shape[1:]),
        seed=chance.number(settings.seed, "class"),
        batch=number,
        size=settings.batch_size,
        caption_dropout=0.0,
        noise_offset=settings.noise_offset,
    ).part(share.part, share.parts)
    clean = material.clean(drawn.rows, drawn.views).to(family.device)
    s = drawn.s.to(family.device)
    noisy, target = objective.corrupt(clean, drawn.noise.to(family.device), s)
    captions = method.conditions(material, [material.wording(row) for row in drawn.rows])
    answer = family.predict(noisy, s, captions, size)
    error: Tensor = mean_error(objective.weight(s), penalty(answer - target, settings), None)
    return error
