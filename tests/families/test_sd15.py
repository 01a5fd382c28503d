"""The verbs of the Stable Diffusion 1 family, against diffusers' own pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from tests.families.conftest import answer, open_family
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.scheduler_names import DIFFUSION
from zen_tui.families import Cond, load_family
from zen_tui.families.base import Family
from zen_tui.families.devices import pick_dtype
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> StableDiffusionPipeline:
    return StableDiffusionPipeline.from_pretrained(str(tiny_base), local_files_only=True)


def test_prompts_are_encoded_as_diffusers_does(family: Family, pipeline: StableDiffusionPipeline) -> None:
    prompts = ["a photo of ohwx woman", "", "x" * 400]
    theirs = pipeline.encode_prompt(prompts, CPU, 1, do_classifier_free_guidance=False)[0]
    assert torch.equal(family.encode(prompts).tensors["text"], theirs)


def test_latents_and_pixels_as_diffusers_does(family: Family, pipeline: StableDiffusionPipeline) -> None:
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    scale = pipeline.vae.config.scaling_factor
    with torch.no_grad():
        theirs = pipeline.vae.encode(pixels * 2 - 1).latent_dist.mode() * scale
        back = pipeline.vae.decode(theirs / scale).sample
    ours = family.latents(pixels)
    assert ours.shape == (1, *family.latent_shape(64, 64))
    assert torch.equal(ours, theirs)
    assert torch.equal(family.decode(ours), (back / 2 + 0.5).clamp(0, 1))
    drawn = family.latents(pixels, torch.Generator().manual_seed(0))
    assert not torch.equal(drawn, ours)


def test_prediction_is_the_denoisers(family: Family, pipeline: StableDiffusionPipeline) -> None:
    noise = torch.randn(2, *family.latent_shape(64, 48), generator=torch.Generator().manual_seed(3))
    cond = family.encode(["one", "another"])
    times = torch.tensor([10, 900])
    with torch.no_grad():
        theirs = pipeline.unet(noise, times, cond.tensors["text"]).sample
        assert torch.equal(family.predict(noise, times, cond, (64, 48)), theirs)


def test_half_precision_answers_nearly_the_same(family: Family, tiny_base: Path) -> None:
    half = open_family(tiny_base, dtype=torch.bfloat16)
    ours, theirs = answer(half), answer(family)
    assert ours.dtype == torch.float32
    assert not torch.equal(ours, theirs)
    assert (ours - theirs).abs().max() < 0.05 * theirs.abs().max()


def test_what_a_long_prompt_loses_is_told(family: Family) -> None:
    assert family.cut_text("short") == ""
    kept = "b" * (family.token_limit - 2)
    assert family.cut_text(kept) == ""
    cut = family.cut_text(f"{kept} and the rest")
    assert cut == "and the rest"
    same = family.encode([kept, f"{kept} and the rest"]).tensors["text"]
    assert torch.equal(same[0], same[1])


def test_parts_are_loaded_when_used_and_given_back(family: Family) -> None:
    assert family.loaded() == set()
    family.encode(["x"])
    assert family.loaded() == {"text"}
    before = answer(family)
    family.release("text", "denoiser")
    assert family.loaded() == set()
    assert torch.equal(answer(family), before)


def test_rows_of_conditions_can_be_picked_and_joined() -> None:
    cond = Cond({"a": torch.arange(3.0)[:, None], "b": torch.arange(3, 6)[:, None]})
    assert cond[[2, 2, 0]].tensors["b"].flatten().tolist() == [5, 5, 3]
    joined = Cond.join([cond[1:], cond[[0]]])
    assert joined.tensors["a"].flatten().tolist() == [1, 2, 0]
    assert len(joined) == 3


@pytest.mark.parametrize("name", DIFFUSION)
def test_every_scheduler_starts_from_the_schedule_of_the_base(family: Family, name: str) -> None:
    scheduler = family.scheduler(name)
    scheduler.set_timesteps(4)
    alphas = family.scheduler("ddim").alphas_cumprod
    assert torch.equal(scheduler.alphas_cumprod, alphas)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        x = scheduler.step(scheduler.scale_model_input(x, t) * 0.1, t, x).prev_sample
    assert torch.isfinite(x).all()


def test_an_unknown_scheduler_is_answered_with_the_nearest(family: Family) -> None:
    with pytest.raises(WrongUse, match=r"euler-ancestrl.*Did you mean euler-ancestral"):
        family.scheduler("euler-ancestrl")


def test_a_base_is_loaded_by_its_record(db: Database, home: Home, tiny_base: Path) -> None:
    loaded = load_family(add_base(db, home, tiny_base), device="cpu", precision="fp32")
    assert (loaded.name, loaded.dtype) == ("sd15", torch.float32)
    with pytest.raises(Refused, match="krea base, which is not supported yet"):
        load_family(Base(id=1, slug="big", family="krea", path=str(tiny_base)))
    with pytest.raises(Refused, match="fp16 does not work on a CPU"):
        pick_dtype("fp16", CPU)
