"""The Swin transformer as BiRefNet's weights have it: attention in windows, shifted by half in every other block.

Liu et al., arXiv 2103.14030. The names of the parts are those of the published weights, and their sizes are read
off the weights, so that the tiny and the large one need no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 4  # pixels


class SwinSizes(NamedTuple):
    """Width of the first stage, blocks and heads of each stage, side of a window in patches."""

    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], prefix: str) -> SwinSizes:
        """Those of the weights whose names begin with `prefix`. Raises `KeyError` for another network."""
        depths: list[int] = []
        heads: list[int] = []
        places = 0
        while f"{prefix}layers.{len(depths)}.blocks.0.norm1.weight" in shapes:
            stage = f"{prefix}layers.{len(depths)}.blocks."
            count = 0
            while f"{stage}{count}.norm1.weight" in shapes:
                count += 1
            places, number = shapes[f"{stage}0.attn.relative_position_bias_table"]
            depths.append(count)
            heads.append(number)
        width = shapes[f"{prefix}patch_embed.proj.weight"][0]
        return cls(width, tuple(depths), tuple(heads), (round(places**0.5) + 1) // 2)


class WindowAttention(nn.Module):
    """Attention among the patches of a window, with a bias for how they lie to each other."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        down, across = place[:, :, None] - place[:, None, :] + window - 1  # (window², window²) each
        self.register_buffer("relative_position_index", down * (2 * window - 1) + across)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, apart: Tensor | None) -> Tensor:
        """`x` (windows, patches, width); `apart` (windows, 1, patches, patches) is -inf between strangers."""
        windows, patches, width = x.shape
        q, k, v = self.qkv(x).reshape(windows, patches, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        assert isinstance(self.relative_position_index, Tensor)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias if apart is None else bias + apart)
        return self.proj(seen.transpose(1, 2).reshape(windows, patches, width))  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Four times as wide in between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention in windows, then the perceptron; `shift` patches to the lower right."""

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """`x` is (1, rows, columns, width)."""
        x = x + self._attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]

    def _attend(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[1:3]
        x = F.pad(x, (0, 0, 0, -columns % self.window, 0, -rows % self.window))
        size = x.shape[1:3]
        apart = None
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
            apart = strangers(size[0], size[1], self.window, self.shift, x)
        seen = self.attn(into_windows(x, self.window), apart)
        x = out_of_windows(seen, self.window, size[0], size[1])
        if self.shift:
            x = torch.roll(x, (self.shift, self.shift), (1, 2))
        return x[:, :rows, :columns]


class Merging(nn.Module):
    """Four neighbours become one patch of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        four = [x[:, down::2, across::2] for across in (0, 1) for down in (0, 1)]
        return self.reduction(self.norm(torch.cat(four, -1)))  # type: ignore[no-any-return]


class Stage(nn.Module):
    """Blocks of one width, and the merging after them."""

    def __init__(self, width: int, depth: int, heads: int, window: int, last: bool) -> None:
        super().__init__()
        shifts = [window // 2 * (place % 2) for place in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, window, shift) for shift in shifts)
        self.downsample = None if last else Merging(width)


class PatchEmbed(nn.Module):
    """Squares of pixels as patches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(1, 3, h, w) to (1, h / 4, w / 4, width)."""
        return self.norm(self.proj(x).permute(0, 2, 3, 1))  # type: ignore[no-any-return]


class Swin(nn.Module):
    """What a photo shows at a quarter, an eighth, a sixteenth and a thirty-second of its size."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(sizes.width)
        last = len(sizes.depths) - 1
        self.layers = nn.ModuleList(
            Stage(sizes.width << place, depth, heads, sizes.window, place == last)
            for place, (depth, heads) in enumerate(zip(sizes.depths, sizes.heads, strict=True))
        )
        for place in range(last + 1):
            self.add_module(f"norm{place}", nn.LayerNorm(sizes.width << place))

    def forward(self, photo: Tensor) -> list[Tensor]:
        x = self.patch_embed(photo)
        found = []
        for place, stage in enumerate(self.layers):
            assert isinstance(stage, Stage)
            for block in stage.blocks:
                x = block(x)
            found.append(getattr(self, f"norm{place}")(x).permute(0, 3, 1, 2))
            if stage.downsample is not None:
                x = stage.downsample(x)
        return found


def into_windows(x: Tensor, window: int) -> Tensor:
    """(1, rows, columns, width) to (windows, window², width)."""
    rows, columns, width = x.shape[1] // window, x.shape[2] // window, x.shape[3]
    cut = x.reshape(rows, window, columns, window, width).transpose(1, 2)
    return cut.reshape(rows * columns, window * window, width)


def out_of_windows(x: Tensor, window: int, rows: int, columns: int) -> Tensor:
    """The way back."""
    cut = x.reshape(rows // window, columns // window, window, window, -1).transpose(1, 2)
    return cut.reshape(1, rows, columns, -1)


def strangers(rows: int, columns: int, window: int, shift: int, like: Tensor) -> Tensor:
    """(windows, 1, patches, patches): -inf between patches that only the shift has brought side by side."""
    parts = [
        torch.bucketize(torch.arange(n), torch.tensor([n - window, n - shift]), right=True)
        for n in (rows, columns)
    ]
    region = (3 * parts[0][:, None] + parts[1][None, :])[None, :, :, None]
    of = into_windows(region, window)[:, :, 0]
    apart = torch.zeros(len(of), 1, window * window, window * window)
    apart.masked_fill_((of[:, None, :, None] != of[:, None, None, :]), float("-inf"))
    return apart.to(like)
