"""Training steps a second: Zen's loop against the arrangement of diffusers' `train_dreambooth_lora.py`.

    python -m benchmarks.training_speed [FOLDER] [--photos 8] [--steps 12] [--rounds 5]

Both train a LoRA of the same rank on the same layers, with the same batch, resolution, optimizer, precision
and photos, alternately, in one process; each side's figure is the median over its steps. The difference is
what the script does at every step: open the photos, run the VAE, run the text encoder. What that costs depends
on the photos, so there are two kinds: small pictures of 256 pixels, and the twelve megapixels of a phone.
Without FOLDER, a diffusers folder of a Stable Diffusion 1 base, the built-in base is used. Prints one JSON
document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import cast_training_params
from peft import LoraConfig
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPTextModel, CLIPTokenizer

from zen_tui.exchange.bases import WEIGHTS, add_base, inspect_base
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import source_of
from zen_tui.families.devices import pick_device, pick_dtype, precision_name
from zen_tui.families.sd15 import SD15
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent, Step, Unattended
from zen_tui.library.paths import Home
from zen_tui.library.specs import TrainSettings, TrainSpec
from zen_tui.mannequins.cast import person, scene
from zen_tui.mannequins.world import render
from zen_tui.photos.intake import import_photos
from zen_tui.training.loop import start_accelerator
from zen_tui.training.run import train

CAPTION = "a photo of ohwx woman"
WARM_UP = 2  # steps of each round that are not counted
PHOTOS = {"small_photos": (256, 256), "phone_photos": (4032, 3024)}


def main() -> None:
    arguments = parsed()
    device = pick_device()
    dtype = pick_dtype("auto", device)
    document: dict[str, Any] = {
        "device": device.type,
        "precision": precision_name(dtype),
        "threads": torch.get_num_threads(),
        "rank": arguments.rank,
        "batch_size": arguments.batch,
        "targets": arguments.targets,
    }
    for name, size in PHOTOS.items():
        zen, script = rates(arguments, size, device, dtype)
        document[name] = {"zen": round(zen, 3), "script": round(script, 3), "ratio": round(zen / script, 2)}
    print(json.dumps(document, indent=2))


def rates(
    arguments: argparse.Namespace, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    """Steps a second of Zen and of the script with photos of this size."""
    ours_took: list[float] = []
    theirs_took: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder), arguments, size)
        theirs = script_steps(studio, device, dtype)
        for round_number in range(arguments.rounds + 1):
            ours, script = studio.zen_steps(), [next(theirs) for _ in range(arguments.steps)]
            if round_number:  # the first fills Zen's caches and warms both up
                ours_took += ours[WARM_UP:]
                theirs_took += script[WARM_UP:]
    return 1 / statistics.median(ours_took), 1 / statistics.median(theirs_took)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Zen's training loop against train_dreambooth_lora.py's arrangement."
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=WEIGHTS, help="a diffusers folder; else the built-in"
    )
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12, help="steps of each side in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--targets", default="all", help="which layers learn: attn, attn+mlp or all")
    return parser.parse_args()


class Watch(Unattended):
    """A feed that keeps the seconds between steps."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.last = time.perf_counter()

    def tell(self, event: AnyEvent) -> None:
        if isinstance(event, Step):
            now = time.perf_counter()
            self.took.append(now - self.last)
            self.last = now


class Studio:
    """A home with renders of one person and the base, in which Zen trains."""

    def __init__(self, folder: Path, arguments: argparse.Namespace, size: tuple[int, int]) -> None:
        self.home = Home(folder / "home").create()
        self.db = Database.open(self.home)
        self.photos = folder / "photos"
        self.photos.mkdir()
        for shot in range(arguments.photos):
            pixels = render([person("demo", 0)], [scene("demo", 0, shot)], size=256)[0]  # (3, 256, 256)
            picture = Image.fromarray(pixels.permute(1, 2, 0).numpy()).resize(size, Image.Resampling.BICUBIC)
            picture.save(self.photos / f"{shot:03d}.jpg", quality=92)
        self.dataset = datasets.add_dataset(self.db, "speed", "ohwx", "woman", "person")
        import_photos(self.db, self.home, self.dataset, [self.photos])
        self.base = add_base(self.db, self.home, arguments.folder)
        self.targets = arguments.targets
        facts = inspect_base(arguments.folder)
        train = {**facts.defaults["train"], "targets": arguments.targets}
        self.db.update(
            "bases", self.base.id, facts={**self.base.facts, "defaults": {**facts.defaults, "train": train}}
        )
        self.settings = TrainSettings(
            steps=arguments.steps,
            batch_size=arguments.batch,
            rank=arguments.rank,
            resolution=facts.resolution,
            holdout=0.0,
            checkpoint_every=1_000_000,
            sample_every=0,
        )

    def zen_steps(self) -> list[float]:
        """Seconds of each step of a fresh run of Zen."""
        name = f"run-{time.time_ns()}"
        run = self.db.insert("runs", slug=name, method="lora", dataset_id=self.dataset.id, base_id=self.base.id)
        watch = Watch()
        spec = TrainSpec(run=run, name=name, dataset="speed", base=self.base.slug, settings=self.settings)
        train(spec, watch, self.db, self.home)
        return watch.took


class PlainPhotos(Dataset[dict[str, torch.Tensor]]):
    """The script's dataset: a photo is opened, turned, resized and tokenized each time it is asked for."""

    def __init__(self, folder: Path, tokenizer: Any, size: int) -> None:
        self.files = sorted(folder.iterdir())
        self.tokenizer, self.size = tokenizer, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        picture = ImageOps.exif_transpose(Image.open(self.files[index])).convert("RGB")
        side = min(picture.size)
        picture = ImageOps.fit(picture, (side, side)).resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1
        words = self.tokenizer(CAPTION, padding="max_length", truncation=True, return_tensors="pt")
        return {"pixels": pixels, "ids": words.input_ids[0]}


def script_steps(studio: Studio, device: torch.device, dtype: torch.dtype) -> Iterator[float]:
    """Train as the script does, for ever; yield the seconds of each step."""
    folder, settings = str(studio.base.path), studio.settings
    tokenizer = CLIPTokenizer.from_pretrained(f"{folder}/tokenizer")
    parts = {"text_encoder": CLIPTextModel, "vae": AutoencoderKL, "unet": UNet2DConditionModel}
    text_encoder, vae, unet = (
        kind.from_pretrained(f"{folder}/{name}").requires_grad_(False).to(device, dtype)
        for name, kind in parts.items()
    )
    scheduler = DDPMScheduler.from_pretrained(f"{folder}/scheduler")
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        init_lora_weights="gaussian",
        target_modules=PROFILES["sd15"].targets[studio.targets],
    )
    unet.add_adapter(config)
    cast_training_params(unet, dtype=torch.float32)
    learned = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=settings.learning_rate, weight_decay=1e-2)
    accelerator = start_accelerator(SD15(source_of(studio.base), device, dtype))
    loader = DataLoader(
        PlainPhotos(studio.photos, tokenizer, settings.resolution),
        batch_size=settings.batch_size,
        shuffle=True,
        drop_last=True,
    )
    unet, optimizer, loader = accelerator.prepare(unet, optimizer, loader)
    unet.train()
    while True:
        batches = iter(loader)
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                break
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                latents = vae.encode(batch["pixels"].to(dtype)).latent_dist.sample() * vae.config.scaling_factor
                noise = torch.randn_like(latents)
                times = torch.randint(0, scheduler.config.num_train_timesteps, (len(latents),), device=device)
                noisy = scheduler.add_noise(latents, noise, times)
                text = text_encoder(batch["ids"].to(device), return_dict=False)[0]
                answer = unet(noisy, times, text, return_dict=False)[0]
                is_velocity = scheduler.config.prediction_type == "v_prediction"
                target = scheduler.get_velocity(latents, noise, times) if is_velocity else noise
            loss = torch.nn.functional.mse_loss(answer.float(), target.float())
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            loss.item()
            yield time.perf_counter() - began


if __name__ == "__main__":
    main()
