"""Which layers of a base a LoRA learns, and how many numbers that is, told from file headers alone."""

from __future__ import annotations

import re
from pathlib import Path

from zen_tui.exchange.bases import weight_files
from zen_tui.exchange.safetensors_header import read_header

_BLOCKS = r"(down_blocks|up_blocks|mid_block)\..*"
_ATTENTION = r"attn[12]\.(to_q|to_k|to_v|to_out\.0)"
_FEED_FORWARD = r"ff\.net\.(0\.proj|2)"
_RESIDUAL = r"resnets\.\d+\.(conv1|conv2|conv_shortcut|time_emb_proj)"

TARGETS: dict[str, dict[str, str]] = {
    "sd15": {
        "attn": f"{_BLOCKS}{_ATTENTION}",
        "attn+mlp": f"{_BLOCKS}({_ATTENTION}|{_FEED_FORWARD})",
        "all": f"{_BLOCKS}({_ATTENTION}|{_FEED_FORWARD}|proj_in|proj_out|{_RESIDUAL})",
    }
}
"""By family and preset, one regex over the full names of the denoiser's layers, as PEFT takes it."""

DEFAULT_TARGETS = "attn+mlp"


def lora_size(folder: Path, family: str, preset: str, rank: int) -> tuple[int, int]:
    """(layers, numbers) that a LoRA of `rank` learns on the base in `folder`."""
    wanted = re.compile(TARGETS[family][preset])
    layers = numbers = 0
    for file in weight_files(folder / "unet"):
        for key, tensor in read_header(file).tensors.items():
            if key.endswith(".weight") and wanted.fullmatch(key.removesuffix(".weight")):
                layers += 1
                outputs, inputs, *kernel = tensor.shape
                area = kernel[0] * kernel[1] if kernel else 1
                numbers += rank * (inputs * area + outputs)
    return layers, numbers
