"""Every family against the library's own pipeline: the same pictures from the same noise."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.families.conftest import answer, open_family, write_lora
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.tiny import TinyFolder, each_family
from zen_tui.exchange.bases import facts_of
from zen_tui.exchange.scheduler_names import schedulers_of
from zen_tui.exchange.vocabulary import vocabulary_of
from zen_tui.generation.engine import Engine
from zen_tui.library.records import Base


@each_family()
def test_pictures_are_the_librarys(tiny_folder: TinyFolder, name: str, variant: str) -> None:
    folder = tiny_folder(name, variant)
    family = open_family(folder, name, variant)
    pipe = pipeline(folder, family)
    for request in (wish(family), wish(family, "a dog", (96, 64))):
        ours = np.asarray(dict(Engine(family).draw([request]))[0], np.float32)
        expected = theirs(pipe, family, request)
        assert ours.shape == expected.shape == (request.height, request.width, 3)
        assert float(np.ptp(expected)) > 20, "an even picture would prove nothing"
        assert np.abs(ours - expected).max() <= TOLERANCE


@each_family()
def test_pictures_of_other_samplers_are_the_librarys(tiny_folder: TinyFolder, name: str, variant: str) -> None:
    """Where a pipeline gives times or a shift that a sampler does not take, the sampler goes by its own."""
    family = open_family(tiny_folder(name, variant), name, variant)
    pipe = pipeline(tiny_folder(name, variant), family)
    seen = []
    for sampler in schedulers_of(name)[1:]:
        request = wish(family, scheduler=sampler)
        pipe.scheduler = family.scheduler(sampler)
        if name not in ("sd15", "sdxl"):
            pipe.scheduler.set_timesteps = lenient(pipe.scheduler)
        ours = np.asarray(dict(Engine(family).draw([request]))[0], np.float32)
        assert np.abs(ours - theirs(pipe, family, request)).max() <= TOLERANCE, sampler
        seen.append(ours.tobytes())
    assert len(set(seen)) == len(seen), "two samplers made the same picture"


def lenient(scheduler: Any) -> Callable[..., None]:
    """`set_timesteps` that leaves out what `scheduler` does not take."""
    known = inspect.signature(scheduler.set_timesteps).parameters
    inner = scheduler.set_timesteps

    def set_timesteps(
        num_inference_steps: int | None = None, device: Any = None, sigmas: Any = None, mu: float | None = None
    ) -> None:
        if "sigmas" in known:
            given = None if sigmas is None else np.asarray(sigmas)
            inner(num_inference_steps if sigmas is None else None, device=device, sigmas=given, mu=mu)
        else:
            count = num_inference_steps if sigmas is None else len(sigmas)
            inner(count, device=device, **({"mu": mu} if scheduler.config.use_dynamic_shifting else {}))

    return set_timesteps


@each_family()
def test_words_and_latents_fit_together_in_any_batch(tiny_folder: TinyFolder, name: str, variant: str) -> None:
    family = open_family(tiny_folder(name, variant), name, variant)
    shape = family.latent_shape(64, 96)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(2, 3, 96, 64, generator=generator)
    latents = family.latents(pixels)
    assert latents.shape == (2, *shape)
    assert family.decode(latents).shape == pixels.shape
    assert not torch.equal(family.latents(pixels, torch.Generator().manual_seed(0)), latents)

    texts = ["a", "a much longer photo of a cat", ""]
    alone = [family.encode([text]) for text in texts]
    joined = type(alone[0]).join(alone)
    noise = torch.randn(3, *shape, generator=generator)
    s = family.objective().sample(3, generator)
    with torch.no_grad():
        together = family.predict(noise, s, joined, (64, 96))
        singly = [family.predict(noise[n : n + 1], s[n : n + 1], alone[n], (64, 96)) for n in range(3)]
    assert together.shape == noise.shape
    assert torch.allclose(together, torch.cat(singly), atol=1e-5 * float(together.abs().max()))
    assert torch.equal(joined[[2, 0]].tensors["text"][1], joined.tensors["text"][0])


@each_family()
def test_what_a_long_prompt_loses_is_told(tiny_folder: TinyFolder, name: str, variant: str) -> None:
    family = open_family(tiny_folder(name, variant), name, variant)
    base = Base(id=1, slug=name, family=name, variant=variant, path=str(tiny_folder(name, variant)))
    told = vocabulary_of(base).limit
    assert told == min(family.token_limit, facts_of(base).token_limit) - family.overhead, "as screens count"
    kept = "b" * (family.token_limit - family.overhead)
    if len(family.tokenizers[-1]("b", add_special_tokens=False).input_ids) == 2:
        kept = kept[:-1]  # T5 begins every text with a space
    assert family.cut_text("short") == family.cut_text(kept) == ""
    assert family.cut_text(f"{kept}, and the rest").endswith("and the rest")
    one, other = family.encode([kept, f"{kept}, and the rest"]).tensors["text"]
    assert torch.allclose(one, other, atol=1e-5)


@each_family()
def test_pictures_in_the_making_can_be_seen(tiny_folder: TinyFolder, name: str, variant: str) -> None:
    family = open_family(tiny_folder(name, variant), name, variant)
    seen: list[Image.Image] = []
    engine = Engine(family, preview_every=1)
    request = wish(family, size=(96, 64))
    list(engine.draw([request], on_preview=lambda step, steps, shown: seen.extend(image for _, image in shown)))
    assert [image.size for image in seen] == [(64, 43)] * 2
    assert seen[0].tobytes() != seen[1].tobytes()


@each_family()
def test_an_adapter_is_taken_up_before_anything_is_loaded(
    tiny_folder: TinyFolder, tmp_path: Path, name: str, variant: str
) -> None:
    family = open_family(tiny_folder(name, variant), name, variant)
    path = write_lora(family, tmp_path / "mara.safetensors", "attn+mlp")
    before = open_family(tiny_folder(name, variant), name, variant)
    count = before.attach(path, "mara")
    before.set_adapters([("mara", 0.1)])
    assert before.loaded() == set()
    early = answer(before)
    answer(family)
    assert family.attach(path, "mara") == count
    family.set_adapters([("mara", 0.1)])
    assert torch.equal(answer(family), early)
