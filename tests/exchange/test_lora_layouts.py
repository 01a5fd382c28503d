"""Layouts of LoRA files: every key of other tools' own lists is understood, and as what they mean."""

from __future__ import annotations

import pytest

from tests.exchange.key_lists import LISTS, read_list
from zen_tui.exchange.lora_layouts import layout_of
from zen_tui.exchange.lora_names_out import place
from zen_tui.exchange.safetensors_header import Header, TensorInfo


@pytest.mark.parametrize("name", LISTS)
def test_every_key_of_the_lists_is_understood(name: str) -> None:
    keys = read_list(name)
    layout = layout_of(keys.header())
    assert (layout.family, layout.format, layout.unknown) == (keys.family, keys.format, ())
    for line in keys.lines:
        mine = [piece for piece in layout.pieces if piece.stem.removesuffix("_lora") == line.stem]
        assert [(piece.part, piece.layer) for piece in mine] == [(line.part, layer) for layer in line.layers]
        assert sum(piece.outputs for piece in mine) == line.outputs
        assert {piece.shape[1] for piece in mine} == {line.width}
        assert {piece.rank for piece in mine} == {4}


WRITTEN = {
    "kohya-sd15": "kohya",
    "kohya-sdxl": "kohya",
    "kohya-flux1": "kohya",
    "ai-toolkit-flux1": "diffusers",
    "comfyui-flux2-klein": "comfyui",
    "comfyui-z-image": "comfyui",
    "comfyui-qwen-image": "comfyui",
}
NEVER_LEARNED = ("modulation", "time_", "guidance", "refiner", "_in", "mod", "norm", "final", "embedder", "conv")


@pytest.mark.parametrize("name", WRITTEN)
def test_what_zen_writes_has_the_names_of_the_lists(name: str) -> None:
    keys = read_list(name)
    checked = 0
    for line in keys.lines:
        own_names = line.stem.startswith(("lora_unet_down", "diffusion_model.layers.1"))  # the list's second way
        if any(word in line.layers[0] for word in NEVER_LEARNED) or (own_names and keys.family != "sd15"):
            continue
        places = [place(keys.family, WRITTEN[name], line.part, layer) for layer in line.layers]
        assert [(p.stem, p.slot, p.of) for p in places] == [
            (line.stem, n, len(line.layers)) for n in range(len(line.layers))
        ]
        checked += 1
    assert checked >= 4


def test_a_name_without_dots_is_not_guessed_at() -> None:
    """Two layers whose flat names are alike up to the last word stay two."""
    tensors: dict[str, TensorInfo] = {}
    for stem in ("lora_unet_single_transformer_blocks_0_proj_out", "lora_unet_proj_out"):
        tensors |= {
            f"{stem}.lora_down.weight": TensorInfo("F32", (4, 64), (0, 0)),
            f"{stem}.lora_up.weight": TensorInfo("F32", (64, 4), (0, 0)),
        }
    layout = layout_of(Header(tensors, {}))
    assert [piece.layer for piece in layout.pieces] == ["single_transformer_blocks.0.proj_out", "proj_out"]


@pytest.mark.parametrize(
    ("shapes", "kind", "shape"),
    [
        ({"lokr_w1": (8, 8), "lokr_w2": (40, 40)}, "lokr", (320, 320)),
        ({"lokr_w1_a": (8, 2), "lokr_w1_b": (2, 4), "lokr_w2_a": (40, 4), "lokr_w2_b": (4, 80)}, "lokr",
         (320, 320)),
        ({"hada_w1_a": (320, 4), "hada_w1_b": (4, 640), "hada_w2_a": (320, 4), "hada_w2_b": (4, 640)}, "loha",
         (320, 640)),
        ({"diff": (320, 4, 3, 3)}, "full", (320, 36)),
        ({"lora_mid.weight": (4, 4, 3, 3), "lora_down.weight": (4, 320, 1, 1), "lora_up.weight": (640, 4, 1, 1)},
         "lora", (640, 2880)),
        ({"hada_w1_a": (320, 4), "hada_w1_b": (4, 640)}, "", None),
        ({"lora_down.weight": (4, 320), "lora_up.weight": (640, 8)}, "", None),
    ],
)  # fmt: skip
def test_what_lycoris_writes_is_understood_or_named(
    shapes: dict[str, tuple[int, ...]], kind: str, shape: tuple[int, int] | None
) -> None:
    stem = "lora_unet_down_blocks_0_resnets_0_conv1"
    layout = layout_of(
        Header({f"{stem}.{end}": TensorInfo("F32", size, (0, 0)) for end, size in shapes.items()}, {})
    )
    if shape is None:
        assert layout.pieces == ()
        assert set(layout.unknown) == {f"{stem}.{end}" for end in shapes}
    else:
        assert [(piece.kind, piece.shape) for piece in layout.pieces] == [(kind, shape)]
