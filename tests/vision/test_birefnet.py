"""BiRefNet from its weights: the published names, a convolution that looks elsewhere, and a mask."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from tests.helpers import colourful
from zen_tui.exchange.mattes import inspect_matte
from zen_tui.library.errors import BadFile, Refused
from zen_tui.vision.birefnet import UNUSED, BiRefNet, DeformableConv
from zen_tui.vision.matte import Cutter, load_cutter
from zen_tui.vision.swin import SwinSizes

LITE = Path(__file__).with_name("birefnet-lite.txt")  # the names and sizes in BiRefNet_lite's model.safetensors
CPU = torch.device("cpu")
TINY = SwinSizes(width=8, depths=(1, 1, 2, 1), heads=(1, 1, 2, 2), window=4)


def published() -> dict[str, tuple[int, ...]]:
    pairs = (line.split(" ") for line in LITE.read_text().splitlines())
    return {name: tuple(int(n) for n in size.split("x")) if size else () for name, size in pairs}


def save_tiny(folder: Path, **changed: torch.Tensor) -> Path:
    """A folder as the hub has it, with few and random numbers and with the code that must not be run."""
    folder.mkdir(exist_ok=True)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    network = BiRefNet(TINY)
    torch.set_rng_state(state)
    weights = {**network.state_dict(), "decoder.conv_ms_spvn_4.weight": torch.ones(1, 64, 1, 1), **changed}
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    config = {"architectures": ["BiRefNet"], "auto_map": {"AutoModelForImageSegmentation": "birefnet.BiRefNet"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "birefnet.py").write_text("raise SystemExit('this code was run')")
    return folder


def cutter_of(folder: Path, side: int = 64) -> Cutter:
    return load_cutter(msgspec.structs.replace(inspect_matte(folder), side=side), CPU)


def test_the_names_and_sizes_are_the_published_ones() -> None:
    shapes = published()
    sizes = SwinSizes.of(shapes, "bb.")
    assert sizes == SwinSizes(96, (2, 2, 6, 2), (3, 6, 12, 24), 7)
    with torch.device("meta"):
        ours = {name: tuple(tensor.shape) for name, tensor in BiRefNet(sizes).state_dict().items()}
    used = {name: shape for name, shape in shapes.items() if not any(part in name for part in UNUSED)}
    assert ours == used


def test_a_convolution_that_looks_one_row_down_is_that_of_the_moved_picture() -> None:
    conv = DeformableConv(2, 3, 3)
    x = torch.randn(1, 2, 9, 7, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for part in (conv.offset_conv, conv.modulator_conv):
            part.weight.zero_()
            assert part.bias is not None
            part.bias.zero_()
        plain = conv(x)
        assert conv.offset_conv.bias is not None
        conv.offset_conv.bias[0::2] = 1  # down
        moved = conv(x)
        conv.offset_conv.bias[1::2] = 0.5  # to the right
        between = conv(x)
    weight = conv.regular_conv.weight
    wide = F.pad(x, (3, 3, 3, 3))
    expected = F.conv2d(wide, weight)[:, :, 2:-2, 2:-2]
    assert torch.allclose(plain, expected, atol=1e-5)
    assert torch.allclose(moved, F.conv2d(wide, weight)[:, :, 3:-1, 2:-2], atol=1e-5)
    halves = [F.conv2d(wide, weight)[:, :, 3:-1, start : start + 7] for start in (2, 3)]
    assert torch.allclose(between, (halves[0] + halves[1]) / 2, atol=1e-5)


def test_a_photo_becomes_a_mask_and_no_code_is_run(tmp_path: Path) -> None:
    cutter = cutter_of(save_tiny(tmp_path / "birefnet"))
    masks = [cutter.mask(colourful(160, 120, seed=seed)) for seed in (1, 1, 2)]
    assert (masks[0].size, masks[0].mode) == ((160, 120), "L")
    assert masks[0].tobytes() == masks[1].tobytes() != masks[2].tobytes()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"decoder.conv_out1.0.weight": torch.ones(1, 9, 1, 1)}, "put together in another way"),
        ({"decoder.new_part.weight": torch.ones(1)}, "put together in another way"),
        ({"bb.patch_embed.proj.weight": torch.ones(6, 3, 4, 4)}, "put together in another way"),
    ],
)
def test_another_make_is_refused(tmp_path: Path, changed: dict[str, torch.Tensor], says: str) -> None:
    folder = save_tiny(tmp_path / "birefnet", **changed)
    with pytest.raises(Refused, match=says):
        cutter_of(folder)


def test_what_is_no_birefnet_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "birefnet")
    whole = (folder / "model.safetensors").read_bytes()
    assert inspect_matte(folder).side == 1024
    (folder / "model.safetensors").write_bytes(whole[: math.floor(len(whole) / 2)])
    with pytest.raises(BadFile, match="it is cut off"):
        inspect_matte(folder)
    save_file({"classifier.weight": torch.ones(2, 2)}, folder / "model.safetensors")
    with pytest.raises(Refused, match=r"holds no matte that Zen knows \(BiRefNet\)"):
        inspect_matte(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(Refused, match="are a pickle"):
        inspect_matte(folder)
