"""The recipe of the built-in base: `python -m zen_tui.mannequins.pretrain --work DIR`.

Stages: render, vae, latents, unet, decoder, final (a falling rate, on a copy), readers, export. Each keeps
what it made in DIR and is skipped when it is there, so the same command goes on after a stop, a crash or a reboot.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
import torch

from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.mannequins.model import WEIGHTS, Shape
from zen_tui.mannequins.pretrain_export import export
from zen_tui.mannequins.pretrain_kept import Diary, Stopped, recall
from zen_tui.mannequins.pretrain_loop import Plan, Setting
from zen_tui.mannequins.pretrain_readers import train_readers
from zen_tui.mannequins.pretrain_render import Pictures, render_all
from zen_tui.mannequins.pretrain_unet import encode_all, train_painter
from zen_tui.mannequins.pretrain_vae import train_decoder, train_vae
from zen_tui.mannequins.tokenizer import build_tokenizer
from zen_tui.mannequins.world import vocabulary

STAGES = ("render", "vae", "latents", "unet", "decoder", "final", "readers", "export")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Every number of a pretraining. CARD.md says how the weights that travel with Zen were made."""

    shape: Shape = Shape()
    images: int = 16_000
    crop: int = 96
    vae: Plan = Plan(steps=8000, rate=1e-3, warmup=50, decay=2500, average=0.99, weight_decay=0.001)
    vae_batch: int = 8
    unet: Plan = Plan(steps=40_000, rate=7e-4, warmup=200)
    unet_batch: int = 32
    final_steps: int = 180
    decoder: Plan = Plan(steps=800, rate=1e-3, warmup=20, decay=500, average=0.99, weight_decay=0.001)
    attributes: Plan = Plan(steps=3000, rate=1.5e-3, warmup=50, decay=1200, average=0.99)
    identity: Plan = Plan(steps=3000, rate=1.5e-3, warmup=50, decay=1200, average=0.99)
    readers_batch: int = 48
    decoded: int = 2000
    gallery: int = 50


def run(
    recipe: Recipe, setting: Setting, target: Path, stages: tuple[str, ...] = STAGES, processes: int = 2
) -> None:
    """Do the stages in order. Out of time, the UNet's training gives way to the stages after it.

    Raises:
        Stopped: asked to stop; the same call goes on from there.
    """
    shape, folder = recipe.shape, setting.work / "pictures"
    if "render" in stages:
        render_all(folder, recipe.images, shape.picture, setting.seed, processes, setting.diary)
    pictures = Pictures(folder, recipe.images)
    tokenizer = build_tokenizer(vocabulary())
    if "vae" in stages:
        train_vae(setting, pictures, shape, recipe.vae, recipe.vae_batch, recipe.crop)
    latents = (
        encode_all(setting, pictures, shape) if {"latents", "unet", "final"} & set(stages) else torch.empty(0)
    )
    if "unet" in stages:
        try:
            train_painter(setting, latents, shape, tokenizer, recipe.unet, recipe.unet_batch)
        except Stopped:
            if setting.diary.asked:
                raise
            setting.diary.deadline = None
    if "decoder" in stages:
        train_decoder(setting, pictures, shape, recipe.decoder, recipe.vae_batch, recipe.crop)
    if "final" in stages:
        _cool_down(recipe, setting, latents, tokenizer)
    if "readers" in stages:
        train_readers(
            setting, pictures, shape, recipe.identity, recipe.attributes, recipe.readers_batch, recipe.decoded,
            recipe.gallery,
        )  # fmt: skip
    if "export" in stages:
        size = export(setting.work, target, shape, tokenizer)
        setting.diary.write("exported", bytes=size)


def _cool_down(recipe: Recipe, setting: Setting, latents: torch.Tensor, tokenizer: Any) -> None:
    """A short last stretch at a falling rate, from a copy of the UNet's state, which can still go on later."""
    step, final = int(recall(setting.work / "unet.pt")["step"]), setting.work / "unet-final.pt"
    end = step + recipe.final_steps
    if final.exists() and not step < int(recall(final)["step"]) <= end:
        final.unlink()  # a last stretch of an earlier state
    plan = msgspec.structs.replace(recipe.unet, steps=end, decay=recipe.final_steps, average=0.99)
    train_painter(setting, latents, recipe.shape, tokenizer, plan, recipe.unet_batch, "unet-final")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m zen_tui.mannequins.pretrain", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures, checkpoints and the log")
    parser.add_argument("--target", type=Path, default=WEIGHTS, help="folder for the finished weights")
    parser.add_argument("--minutes", type=float, help="how long the UNet may go on, counted from now")
    parser.add_argument("--images", type=int, default=Recipe().images)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--compile", action="store_true", help="compile the networks first; pays on a long run")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=1, help="processes that share a training")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="only these stages")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else None
    diary = Diary(options.work, deadline)
    setting = Setting(
        work=options.work, diary=diary, seed=options.seed, device=options.device, precision=options.precision,
        compiled=options.compile, workers=options.workers,
    )  # fmt: skip
    with diary.heeding():
        try:
            run(Recipe(images=options.images), setting, options.target, tuple(options.only), options.threads)
        except Stopped:
            diary.write("stopped")


if __name__ == "__main__":
    main()
