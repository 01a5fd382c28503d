"""BiRefNet, a matte of high resolution, run from its weights alone: the folder's own code is never touched.

Zheng et al., arXiv 2401.03407, github.com/ZhengPeng7/BiRefNet (MIT). The names of the parts are those of the
published weights; weights with other names or sizes are refused as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zen_tui.exchange.mattes import Matte
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, shown
from zen_tui.vision.matte import IMAGENET, as_mask, pixels
from zen_tui.vision.swin import Swin, SwinSizes

INNER = 64  # channels inside a block
SPREAD = 256  # channels of each branch that looks around
KERNELS = (1, 3, 7)  # how far the branches look
GRADIENT = 16  # channels that find edges
UNUSED = ("conv_ms_spvn_", "gdt_convs_pred_", "cls_head")  # parts that only training needs


class DeformableConv(nn.Module):
    """A convolution that looks where it decides to, as strongly as it decides to; arXiv 1811.11168."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.kernel, points = kernel, kernel * kernel
        self.offset_conv = nn.Conv2d(channels, 2 * points, kernel, padding=kernel // 2)
        self.modulator_conv = nn.Conv2d(channels, points, kernel, padding=kernel // 2)
        self.regular_conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[-2:]
        shifts = self.offset_conv(x).reshape(1, -1, 2, rows, columns)  # (1, points, down and right, h, w)
        strength = 2 * torch.sigmoid(self.modulator_conv(x))
        down = torch.arange(rows, device=x.device, dtype=x.dtype)[:, None]
        across = torch.arange(columns, device=x.device, dtype=x.dtype)[None, :]
        weight = self.regular_conv.weight.flatten(2)  # (out, channels, points)
        total = x.new_zeros(1, weight.shape[0], rows, columns)
        for point in range(weight.shape[2]):
            row, column = divmod(point, self.kernel)
            y = down + (row - self.kernel // 2) + shifts[:, point, 0]
            at = across + (column - self.kernel // 2) + shifts[:, point, 1]
            grid = torch.stack((2 * at / max(columns - 1, 1) - 1, 2 * y / max(rows - 1, 1) - 1), -1)
            seen = F.grid_sample(x, grid, align_corners=True) * strength[:, point : point + 1]
            total = total + F.conv2d(seen, weight[:, :, point, None, None])
        return total


class Branch(nn.Module):
    """A deformable convolution and its norm."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.atrous_conv = DeformableConv(INNER, SPREAD, kernel)
        self.bn = nn.BatchNorm2d(SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.atrous_conv(x)))


class LookAround(nn.Module):
    """Branches that look further and further, and one that sees the mean of all."""

    def __init__(self) -> None:
        super().__init__()
        self.aspp1 = Branch(1)
        self.aspp_deforms = nn.ModuleList(Branch(kernel) for kernel in KERNELS)
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(INNER, SPREAD, 1, bias=False), nn.BatchNorm2d(SPREAD), nn.ReLU()
        )
        self.conv1 = nn.Conv2d(SPREAD * (2 + len(KERNELS)), INNER, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(INNER)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.global_avg_pool(x).expand(-1, -1, *x.shape[-2:])
        found = [self.aspp1(x), *(branch(x) for branch in self.aspp_deforms), mean]
        return F.relu(self.bn1(self.conv1(torch.cat(found, 1))))


class DecoderBlock(nn.Module):
    """Narrows, looks around, widens."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(channels, INNER, 3, padding=1)
        self.bn_in = nn.BatchNorm2d(INNER)
        self.dec_att = LookAround()
        self.conv_out = nn.Conv2d(INNER, out, 3, padding=1)
        self.bn_out = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.dec_att(F.relu(self.bn_in(self.conv_in(x))))
        return self.bn_out(self.conv_out(inner))  # type: ignore[no-any-return]


class Lateral(nn.Module):
    """Takes what the encoder saw at this size across."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Pixels(nn.Module):
    """Brings the photo's own pixels in, folded to the size of a step."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, INNER, 3, padding=1)
        self.conv_out = nn.Conv2d(INNER, out, 3, padding=1)

    def forward(self, photo: Tensor, rows: int, columns: int) -> Tensor:
        across, down = photo.shape[-1] // columns, photo.shape[-2] // rows
        high, wide = photo.shape[-2] // down, photo.shape[-1] // across
        folded = photo.reshape(1, 3, down, high, across, wide).permute(0, 1, 2, 4, 3, 5).flatten(1, 3)
        return self.conv_out(self.conv1(_sized(folded, rows, columns)))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """From the smallest features to the mask, one size after another."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        out = [*channels[1:], channels[-1] // 2]
        own = [channels[0], *channels]  # an eighth of these channels come from the pixels
        ways = zip((5, 4, 3, 2, 1), (10, 8, 6, 4, 0), own, strict=True)
        for number, folds, width in ways:
            self.add_module(f"ipt_blk{number}", Pixels(3 * 2**folds, width // 8))
        for place, number in enumerate((4, 3, 2, 1)):
            self.add_module(f"decoder_block{number}", DecoderBlock(channels[place] + own[place] // 8, out[place]))
            if number > 1:
                self.add_module(f"lateral_block{number}", Lateral(channels[place + 1], out[place]))
                edges = (nn.Conv2d(out[place], GRADIENT, 3, padding=1), nn.BatchNorm2d(GRADIENT), nn.ReLU())
                self.add_module(f"gdt_convs_{number}", nn.Sequential(*edges))
                self.add_module(f"gdt_convs_attn_{number}", nn.Sequential(nn.Conv2d(GRADIENT, 1, 1)))
        self.conv_out1 = nn.Sequential(nn.Conv2d(out[3] + channels[3] // 8, 1, 1))

    def forward(self, photo: Tensor, features: list[Tensor]) -> Tensor:
        """The mask's logits (1, 1, h, w) from the photo and its features, the largest first."""
        step = features[3]
        for number in (4, 3, 2, 1):
            step = torch.cat((step, getattr(self, f"ipt_blk{number + 1}")(photo, *step.shape[-2:])), 1)
            step = getattr(self, f"decoder_block{number}")(step)
            if number > 1:
                edges = getattr(self, f"gdt_convs_{number}")(step)
                step = step * getattr(self, f"gdt_convs_attn_{number}")(edges).sigmoid()
                larger = features[number - 2]
                step = _sized(step, *larger.shape[-2:]) + getattr(self, f"lateral_block{number}")(larger)
        step = _sized(step, *photo.shape[-2:])
        pixels_too = self.get_submodule("ipt_blk1")(photo, *photo.shape[-2:])
        return self.conv_out1(torch.cat((step, pixels_too), 1))  # type: ignore[no-any-return]


class BiRefNet(nn.Module):
    """The network: a photo (1, 3, side, side) to the logits of its mask (1, 1, side, side)."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        channels = [2 * sizes.width << place for place in (3, 2, 1, 0)]
        self.bb = Swin(sizes)
        self.squeeze_module = nn.Sequential(DecoderBlock(sum(channels), channels[0]))
        self.decoder = Decoder(channels)

    def forward(self, photo: Tensor) -> Tensor:
        half = _sized(photo, photo.shape[-2] // 2, photo.shape[-1] // 2)
        features = [
            torch.cat((whole, _sized(small, *whole.shape[-2:])), 1)
            for whole, small in zip(self.bb(photo), self.bb(half), strict=True)
        ]
        smallest = features[3].shape[-2:]
        context = torch.cat([*(_sized(each, *smallest) for each in features[:3]), features[3]], 1)
        features[3] = self.squeeze_module(context)
        return self.decoder(photo, features)  # type: ignore[no-any-return]


class BiRefNetCutter:
    """BiRefNet from its `model.safetensors`.

    Raises:
        BadFile: the file is damaged.
        Refused: it is a BiRefNet of another make than the published one.
    """

    def __init__(self, found: Matte, device: torch.device) -> None:
        self.found, self.device = found, device
        shapes = {name: tensor.shape for name, tensor in read_header(found.file).tensors.items()}
        self.network = _empty(found, shapes)
        try:
            weights = load_file(found.file)
        except (OSError, SafetensorError) as error:
            raise BadFile(
                f"{shown(found.file)} cannot be read: {clean(str(error), 120)}.", "Get it again."
            ) from None
        needed = {name: tensor for name, tensor in weights.items() if not _unused(name)}
        try:
            self.network.load_state_dict(needed, strict=True, assign=True)
        except RuntimeError:
            raise _other(found) from None
        half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.dtype = torch.bfloat16 if half else torch.float32
        self.network.float().requires_grad_(False).eval().to(device)

    @torch.inference_mode()
    def mask(self, photo: Image.Image) -> Image.Image:
        seen = pixels(photo, self.found.side, *IMAGENET, brightest=False).to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.network(seen)
        return as_mask(logits.float().sigmoid(), photo.size)


def _empty(found: Matte, shapes: Mapping[str, tuple[int, ...]]) -> BiRefNet:
    try:
        with torch.device("meta"):
            return BiRefNet(SwinSizes.of(shapes, "bb."))
    except (KeyError, ValueError, IndexError, RuntimeError):
        raise _other(found) from None


def _other(found: Matte) -> Refused:
    return Refused(
        f"{shown(found.file)} is a BiRefNet that is put together in another way than the published ones.",
        "Zen runs BiRefNet and BiRefNet_lite, general, portrait and matting; u2netp works as well.",
    )


def _unused(name: str) -> bool:
    return any(part in name for part in UNUSED)


def _sized(x: Tensor, rows: int, columns: int) -> Tensor:
    return F.interpolate(x, (rows, columns), mode="bilinear", align_corners=True)
