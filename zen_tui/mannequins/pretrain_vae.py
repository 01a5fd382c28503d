"""Second stage: an autoencoder that turns a picture into an eighth of its size and back.

It learns on crops, which hold more variety for the same work. Loss: errors of pixels, of their gradients and of
the picture shrunk by four, and a small pull of the latents toward a unit normal (Kingma and Welling, 2014).
"""

import contextlib
import math
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn import functional

from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.mannequins.model import Shape, make_vae
from zen_tui.mannequins.pretrain_crew import crew
from zen_tui.mannequins.pretrain_kept import Diary, Stopped, keep, recall
from zen_tui.mannequins.pretrain_loop import Plan, Setting, learn
from zen_tui.mannequins.pretrain_render import Pictures

KL_WEIGHT = 5e-5


def crops(pictures: Pictures, batch: int, size: int, noise: torch.Generator) -> torch.Tensor:
    """Random squares of random pictures, half of them mirrored: (N, 3, size, size) in -1..1."""
    picked = pictures.take(torch.randint(len(pictures), (batch,), generator=noise).tolist())
    room = picked.shape[-1] - size + 1
    corners = torch.randint(room, (batch, 2), generator=noise).tolist()
    cut = torch.stack([p[:, y : y + size, x : x + size] for p, (y, x) in zip(picked, corners, strict=True)])
    mirrored = torch.rand(batch, generator=noise) < 0.5
    cut[mirrored] = cut[mirrored].flip(-1)
    return (cut.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def distance(drawn: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How far apart two batches are: errors of pixels, edges, coarse shape, and most of all of coarse hue."""
    off = drawn - target
    edges = (off[..., 1:] - off[..., :-1]).abs().mean() + (off[..., 1:, :] - off[..., :-1, :]).abs().mean()
    coarse = functional.avg_pool2d(off, 4)
    hue = coarse - coarse.mean(1, keepdim=True)
    fine = off.abs().mean() + 2 * off.square().mean() + 0.4 * edges
    return fine + 0.5 * coarse.abs().mean() + 6 * hue.square().mean()


def _pull(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


def start_plain(vae: Any) -> None:
    """Let the autoencoder begin as a shallow one that shrinks and enlarges; its blocks begin as the identity.

    Colours then pass from the first step on, and detail grows on top (residual branches that begin at zero, as in
    Goyal et al., 2017).
    """
    for name, layer in vae.named_modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        if name.endswith("conv2"):
            nn.init.zeros_(layer.weight)
        elif name.endswith(("conv_shortcut", "samplers.0.conv")):
            nn.init.dirac_(layer.weight)
            if "downsamplers" in name:  # the mean of four pixels; the padding is at the right and below
                layer.weight.data[..., :2, :2] = layer.weight.data[..., 1:2, 1:2] / 4
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    vae.quant_conv.bias.data[4:] = -6.0  # little noise at first, or nothing gets through it


class Round(nn.Module):
    """Encode, add the posterior's noise, decode: what is trained. Compiles as one graph."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae
        start_plain(vae)

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pictures (N, 3, H, W) and noise (N, 4, H/8, W/8) to drawn pictures, means and log variances."""
        moments = self.vae.quant_conv(self.vae.encoder(x))
        mean, logvar = moments.float().chunk(2, dim=1)
        logvar = logvar.clamp(-30, 20)
        z = mean + (0.5 * logvar).exp() * noise
        return self.vae.decoder(self.vae.post_quant_conv(z)).float(), mean, logvar


class VaeJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to train, in a form that can be sent to a helper process."""

    setting: Setting
    pictures: Pictures
    shape: Shape
    plan: Plan
    batch: int
    crop: int

    def __call__(self, rank: int) -> None:
        """Work as helper number `rank`."""
        keep_freed_memory()
        diary = Diary(self.setting.work, silent=True)
        setting = msgspec.structs.replace(self.setting, rank=rank, diary=diary)
        with diary.heeding(), contextlib.suppress(Stopped):
            msgspec.structs.replace(self, setting=setting).train()

    def train(self) -> Any:
        """Train an autoencoder and return it, with averaged weights."""
        setting, crop = self.setting, self.crop
        torch.manual_seed(setting.seed)
        model = setting.place(Round(make_vae(self.shape)))
        forward = setting.fast(model)

        def loss(step: int) -> torch.Tensor:
            noise = setting.draws("vae", step)
            x = crops(self.pictures, self.batch, crop, noise).to(setting.device)
            z_noise = torch.randn(self.batch, 4, crop // 8, crop // 8, generator=noise).to(setting.device)
            with setting.half():
                drawn, mean, logvar = forward(x, z_noise)
            return distance(drawn, x) + KL_WEIGHT * _pull(mean, logvar)

        learn("vae", setting, model, loss, self.plan).copy_to(model)
        return model.vae.cpu().eval()


def train_vae(setting: Setting, pictures: Pictures, shape: Shape, plan: Plan, batch: int, crop: int) -> None:
    """Train the autoencoder and keep its averaged weights, with unit latents, as `vae-kept.pt`."""
    done = setting.work / "vae-kept.pt"
    if done.exists():
        return
    job = VaeJob(setting=setting, pictures=pictures, shape=shape, plan=plan, batch=batch, crop=crop)
    with crew(setting.work, setting.workers, job):
        vae = job.train()
    with torch.no_grad():
        some = pictures.take(list(range(min(256, len(pictures))))).float() / 127.5 - 1
        means = torch.cat([vae.encode(part).latent_dist.mode() for part in torch.split(some, 32)])
        unit_latents(vae, means.mean((0, 2, 3)), means.std((0, 2, 3)))
        drawn = torch.cat([vae(part).sample for part in torch.split(some[:64], 16)])
    setting.diary.write("vae", psnr=round(psnr(drawn, some[:64]), 2))
    keep(done, vae.state_dict())


def train_decoder(setting: Setting, pictures: Pictures, shape: Shape, plan: Plan, batch: int, crop: int) -> None:
    """Sharpen the decoder alone, so that latents stay what the UNet knows; keeps `decoder-kept.pt`."""
    done = setting.work / "decoder-kept.pt"
    if done.exists():
        return
    model = Round(make_vae(shape))
    model.vae.load_state_dict(recall(setting.work / "vae-kept.pt"))
    model.vae.encoder.requires_grad_(False)
    model.vae.quant_conv.requires_grad_(False)
    model = setting.place(model)
    decode = setting.fast(model.vae.decoder)

    def loss(step: int) -> torch.Tensor:
        noise = setting.draws("decoder", step)
        x = crops(pictures, batch, crop, noise).to(setting.device)
        with setting.half():
            with torch.no_grad():
                z = model.vae.quant_conv(model.vae.encoder(x))[:, :4].float()
            z = z + 0.03 * torch.randn(z.shape, generator=noise).to(setting.device)
            drawn = decode(model.vae.post_quant_conv(z)).float()
        return distance(drawn, x)

    average = learn("decoder", setting, model, loss, plan)
    average.copy_to(model)
    vae = model.vae.cpu().eval()
    with torch.no_grad():
        some = pictures.take(list(range(min(64, len(pictures))))).float() / 127.5 - 1
        drawn = torch.cat([vae(part).sample for part in torch.split(some, 16)])
    setting.diary.write("decoder", psnr=round(psnr(drawn, some), 2))
    keep(done, vae.state_dict())


@torch.no_grad()
def unit_latents(vae: Any, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Fold a shift and a scale per channel into the 1x1 convolutions, so that latents have mean 0 and deviation 1.

    Pictures come back as before, so the scaling factor is 1.
    """
    encode, decode = vae.quant_conv, vae.post_quant_conv
    encode.bias[:4] = (encode.bias[:4] - mean) / std
    encode.weight[:4] /= std.view(-1, 1, 1, 1)
    encode.bias[4:] -= 2 * std.log()
    decode.bias += decode.weight[..., 0, 0] @ mean
    decode.weight *= std.view(1, -1, 1, 1)


def psnr(drawn: torch.Tensor, target: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in decibels of pictures in -1..1."""
    error = ((drawn.clamp(-1, 1) - target) / 2).square().mean()
    return 10 * math.log10(1 / max(float(error), 1e-12))
