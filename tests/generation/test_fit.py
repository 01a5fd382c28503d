"""What is done without so that a base fits: the rule, at sizes that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.originals import Shapes, under, unet, write_header
from tests.originals_flow import flux1
from zen_tui.exchange.facts import PartFacts
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import diffusers_source, original_source
from zen_tui.generation.fit import (
    Fit,
    Machine,
    Sizes,
    first_that_fits,
    for_drawing,
    free_memory,
    ladder,
    sizes_of,
    too_small,
)  # fmt: skip
from zen_tui.library.errors import Refused

GB = 10**9
KLEIN = Sizes(denoiser=3_900_000_000, matrices=3_880_000_000, texts=(4_020_000_000,))
FLUX = Sizes(
    denoiser=11_900_000_000, matrices=11_880_000_000, texts=(123_000_000, 4_760_000_000),
    block=340_000_000, rest=70_000_000,
)  # fmt: skip


def training(sizes: Sizes, family: str, free: float, **changed: Any) -> tuple[str, str, bool, bool]:
    options: dict[str, Any] = {"learned": 20_000_000, "resolution": 512, "batch": 1, "precision": "bf16"}
    found = first_that_fits(ladder(sizes, Machine("cuda", int(free * GB)), family, **{**options, **changed}))
    return found.denoiser, found.texts, found.checkpointing, found.fits


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (24, ("", "", False, True)),
        (12, ("", "", True, True)),
        (8, ("int8", "int8", True, True)),
        (5, ("int8", "cpu", True, False)),
    ],
)
def test_klein_on_cards_of_all_sizes(free: float, expected: tuple[str, str, bool, bool]) -> None:
    assert training(KLEIN, "flux2-klein", free) == expected


def test_what_a_person_says_holds() -> None:
    assert training(KLEIN, "flux2-klein", 24, quantize="fp8")[0] == "fp8"
    assert training(KLEIN, "flux2-klein", 8, quantize="none")[0] == ""
    assert not training(KLEIN, "flux2-klein", 8, quantize="none")[3]
    assert training(KLEIN, "flux2-klein", 80, checkpointing="on")[2]
    assert not training(KLEIN, "flux2-klein", 12, checkpointing="off")[2]


def test_more_pixels_and_pictures_take_more() -> None:
    assert not training(KLEIN, "flux2-klein", 24)[2]
    assert training(KLEIN, "flux2-klein", 24, resolution=1024)[2]
    assert training(KLEIN, "flux2-klein", 24, batch=4)[2]
    assert training(KLEIN, "flux2-klein", 24, precision="fp32")[2]


def test_published_peaks_are_met() -> None:
    """FLUX.1 with a LoRA in int8 and activations computed twice: 18 GB (SimpleTuner's documentation)."""
    (found,) = ladder(
        FLUX, Machine("cuda", 80 * GB), "flux1",
        learned=20_000_000, resolution=1024, batch=1, precision="bf16", quantize="int8", checkpointing="on",
    )[:1]  # fmt: skip
    assert 0.8 * 18 * GB < found.needs < 1.2 * 18 * GB


def test_drawing() -> None:
    assert drawing(48) == ("", False, True)
    assert drawing(24) == ("int8", False, True)
    assert drawing(12) == ("int8", True, True)
    assert drawing(8) == ("int8", True, False)
    assert drawing(24, quantize="none") == ("", True, True)
    assert drawing(24, quantize="none", offload="off") == ("", False, False)
    assert drawing(80, offload="on") == ("", True, True)
    assert drawing(80, quantize="fp8", offload="on") == ("fp8", True, True)
    for_cpu = for_drawing(FLUX, Machine("cpu", 8 * GB), pixels=1024**2, precision="bf16")
    assert (for_cpu.denoiser, for_cpu.offload) == ("int8", False)


def drawing(free: float, bitsandbytes: bool = False, **changed: Any) -> tuple[str, bool, bool]:
    here = Machine("cuda", int(free * GB), bitsandbytes)
    found = for_drawing(FLUX, here, pixels=1024**2, precision="bf16", **changed)
    return found.denoiser, found.offload, found.fits


def test_nf4_comes_after_int8_and_before_carrying_blocks() -> None:
    assert drawing(24, True)[0] == "int8"
    assert drawing(16, True) == ("nf4", False, True)
    assert drawing(16, False) == ("int8", True, True)
    assert drawing(12, True) == ("int8", True, True)
    assert drawing(80, True, quantize="nf4") == ("nf4", False, True)
    with_it = Machine("cuda", 5 * GB, True)
    rungs = ladder(KLEIN, with_it, "flux2-klein", learned=10**6, resolution=512, batch=1, precision="bf16")
    found = first_that_fits(rungs)
    assert (found.denoiser, found.checkpointing, found.fits) == ("nf4", True, True)


@pytest.mark.parametrize(
    ("device", "installed", "missing"),
    [
        ("cpu", False, "an NVIDIA card and the Python package bitsandbytes"),
        ("mps", True, "an NVIDIA card"),
        ("cuda", False, "the Python package bitsandbytes"),
    ],
)
def test_nf4_is_refused_with_what_is_missing(device: str, installed: bool, missing: str) -> None:
    here = Machine(device, 80 * GB, installed)
    with pytest.raises(Refused, match=f"nf4, {missing} would be needed"):
        for_drawing(FLUX, here, pixels=64**2, precision="bf16", quantize="nf4")
    with pytest.raises(Refused, match=f"nf4, {missing} would be needed"):
        ladder(FLUX, here, "flux1", learned=1, resolution=512, batch=1, precision="bf16", quantize="nf4")
    with pytest.raises(Refused, match="cannot be brought to the card block by block"):
        for_drawing(FLUX, Machine("cuda", 1, True), pixels=1, precision="bf16", quantize="nf4", offload="on")


def test_what_is_done_is_said_in_words() -> None:
    assert Fit().words == ""
    assert Fit(denoiser="int8", offload=True, texts="cpu").words == (
        "the denoiser in int8, its blocks brought to the card one after another, which is slow, "
        "text encoders on the CPU"
    )
    assert Fit(offload=True).words.startswith("the denoiser in the computer's memory, its blocks brought")
    assert Fit(denoiser="nf4", checkpointing=True).words == "the denoiser in nf4, activations computed twice"


@pytest.mark.parametrize(
    ("shapes", "family", "block", "rest"),
    [
        (flux1(guidance=True), "flux1", 340, 64),
        (unet(768), "sd15", 49, 2),
    ],
)
def test_blocks_are_told_by_their_names(
    tmp_path: Path, shapes: Shapes, family: str, block: int, rest: int
) -> None:
    """In millions: a double block of FLUX.1; in a UNet, the resnet that narrows 2560 channels to 1280."""
    path = write_header(tmp_path / "denoiser.safetensors", under("model.diffusion_model.", shapes))
    part = PartFacts(config="", files=[str(path)], prefix="model.diffusion_model.")
    found = sizes_of(original_source(path, {PROFILES[family].denoiser: part}, {}), family)
    assert (round(found.block / 1e6), round(found.rest / 1e6)) == (block, rest)
    assert found.rest + found.block < found.denoiser


def test_a_base_that_does_not_fit_is_told() -> None:
    small, large = Machine("cuda", 6 * GB), Machine("cuda", 80 * GB)
    found = for_drawing(FLUX, small, pixels=1024**2, precision="bf16")
    assert "and 6.0 GB are free" in too_small(found, small)
    assert too_small(for_drawing(FLUX, large, pixels=1024**2, precision="bf16"), large) == ""


def test_sizes_come_from_the_files(tiny_base: Path) -> None:
    from safetensors.torch import load_file

    weights = load_file(tiny_base / "unet" / "diffusion_pytorch_model.safetensors")
    found = sizes_of(diffusers_source(tiny_base, "sd15"), "sd15")
    assert found.denoiser == sum(tensor.numel() for tensor in weights.values())
    assert found.matrices == sum(tensor.numel() for tensor in weights.values() if tensor.ndim == 2)
    assert len(found.texts) == 1


def test_free_memory_is_known() -> None:
    assert 10**8 < free_memory() < 10**14
