"""The engine on a tiny base: the same seed gives the same picture, whatever happens around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zen_tui.exchange.scheduler_names import DIFFUSION
from zen_tui.families.base import Family
from zen_tui.generation.engine import Engine
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Interrupted
from zen_tui.library.specs import PictureRequest


def wish(number: int = 0, **changed: Any) -> PictureRequest:
    values = {"prompt": f"a cat {number}", "seed": number, "width": 64, "height": 64, "steps": 4, "guidance": 5.0}
    return PictureRequest(**{**values, **changed})


def draw(family: Family, *requests: PictureRequest, **options: Any) -> list[Image.Image]:
    made = dict(Engine(family, **options).draw(requests))
    assert sorted(made) == list(range(len(requests)))
    return [made[index] for index in sorted(made)]


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures, in levels of 0..255."""
    return int(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max())


@pytest.mark.parametrize("scheduler", DIFFUSION)
def test_the_same_alone_or_in_a_batch(family: Family, scheduler: str) -> None:
    wishes = [wish(n, scheduler=scheduler, guidance=3.0 + n) for n in range(3)]
    together = draw(family, *wishes)
    for request, picture in zip(wishes, together, strict=True):
        assert difference(draw(family, request)[0], picture) <= 1
    assert difference(together[0], together[1]) > 8


def test_the_same_twice_to_the_last_bit(family: Family) -> None:
    wishes = [wish(n, scheduler="euler-ancestral") for n in range(2)]
    first, again = draw(family, *wishes), draw(family, *wishes)
    assert [picture.tobytes() for picture in first] == [picture.tobytes() for picture in again]


def test_everything_asked_changes_the_picture(family: Family) -> None:
    plain = draw(family, wish())[0]
    changes: list[dict[str, Any]] = [
        {"prompt": "a dog"}, {"negative": "blurry"}, {"seed": 9}, {"steps": 6}, {"guidance": 1.0},
        {"scheduler": "euler-ancestral"},
    ]  # fmt: skip
    for picture, change in zip(draw(family, *[wish(0, **c) for c in changes]), changes, strict=True):
        assert picture.tobytes() != plain.tobytes(), change
    assert draw(family, wish(width=96, height=64))[0].size == (96, 64)


def test_without_guidance_the_negative_prompt_is_not_used(family: Family) -> None:
    one, other = draw(family, wish(guidance=1.0), wish(guidance=1.0, negative="blurry"))
    assert one.tobytes() == other.tobytes()


def test_a_training_goes_on_as_if_nothing_was_drawn(family: Family) -> None:
    family.denoiser().train()
    state = torch.get_rng_state()
    draw(family, wish())
    assert torch.equal(torch.get_rng_state(), state)
    assert family.denoiser().training


def test_prepared_prompts_need_no_text_encoder(family: Family) -> None:
    engine = Engine(family)
    engine.prepare([wish()])
    family.release("text")
    made = [image for _, image in engine.draw([wish()])]
    assert "text" not in family.loaded()
    assert made[0].tobytes() == draw(family, wish())[0].tobytes()


def test_previews_come_on_schedule_and_resemble_the_picture(family: Family) -> None:
    heard: list[tuple[int, int, list[tuple[int, Image.Image]]]] = []
    engine = Engine(family, preview_every=3)
    made = dict(engine.draw([wish(0, steps=7), wish(1, steps=7)], on_preview=lambda *it: heard.append(it)))
    assert [(step, steps, [place for place, _ in shown]) for step, steps, shown in heard] == [
        (3, 7, [0, 1]),
        (6, 7, [0, 1]),
    ]
    for index, image in heard[-1][2]:
        assert image.size == (64, 64)
        small = np.asarray(made[index].resize((8, 8), Image.Resampling.BOX), np.float32)
        seen = np.asarray(image.resize((8, 8), Image.Resampling.BOX), np.float32)
        assert np.abs(small - seen).mean() < np.abs(small - small.mean((0, 1))).mean()


def test_it_stops_between_steps_when_asked(family: Family) -> None:
    answers = iter(["", "", "", "pause"])
    with pytest.raises(Interrupted) as caught:
        list(Engine(family).draw([wish()], asked=lambda: next(answers)))
    assert caught.value.how == "pause"


def test_batches_halve_until_they_fit(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = [wish(n, guidance=1.0) for n in range(5)]
    expected = draw(family, *wishes)
    sizes: list[int] = []
    predict = type(family).predict

    def small_memory(self: Family, noisy: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.append(len(noisy))
        if len(noisy) > room:
            raise torch.OutOfMemoryError("out of memory")
        return predict(self, noisy, *rest)

    monkeypatch.setattr(type(family), "predict", small_memory)
    room = 2
    for picture, other in zip(draw(family, *wishes), expected, strict=True):
        assert difference(picture, other) <= 1
    assert set(sizes) == {5, 2, 1}
    room = 0
    with pytest.raises(ZenError, match="too small for a picture of 64x64"):
        draw(family, *wishes)


@pytest.mark.parametrize("fitting", [1, 0])
def test_decoding_gets_by_with_little_memory(
    family: Family, monkeypatch: pytest.MonkeyPatch, fitting: int
) -> None:
    wishes = [wish(n) for n in range(3)]
    expected = draw(family, *wishes)
    decode = type(family).decode

    def small_memory(self: Family, latents: torch.Tensor) -> torch.Tensor:
        if len(latents) > fitting and "denoiser" in self.loaded():
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return decode(self, latents)

    monkeypatch.setattr(type(family), "decode", small_memory)
    for picture, other in zip(draw(family, *wishes), expected, strict=True):
        assert difference(picture, other) <= 1


def test_other_errors_are_not_taken_for_a_lack_of_memory(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Family, latents: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(family), "decode", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        draw(family, wish())


def test_numbers_that_run_over_are_said(family: Family) -> None:
    with torch.no_grad():
        next(family.denoiser().parameters()).fill_(float("nan"))
    with pytest.raises(ZenError, match="ran over"):
        draw(family, wish())


def test_a_damaged_autoencoder_is_said(family: Family) -> None:
    with torch.no_grad():
        list(family.part("vae").parameters())[-1].fill_(float("nan"))
    with pytest.raises(ZenError, match="autoencoder"):
        draw(family, wish())
