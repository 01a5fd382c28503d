"""Pictures a second: the engine against diffusers' own pipeline, one picture at a time.

    python -m benchmarks.generation [FOLDER] [--pictures 16] [--steps 20] [--rounds 3]

Both draw the same prompts with the same seeds, steps, guidance, scheduler and precision on the same device,
alternately, in one process; each side's figure is the median of its rounds. Without FOLDER, a diffusers
folder of a Stable Diffusion 1 base, the built-in base is used. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from zen_tui.exchange.bases import base_folder
from zen_tui.exchange.source import diffusers_source
from zen_tui.families.devices import pick_device, pick_dtype, precision_name
from zen_tui.families.sd15 import SD15
from zen_tui.generation.engine import Engine
from zen_tui.library.records import Base
from zen_tui.library.specs import PictureRequest

PLACES = ("at the beach", "in a forest", "in a city", "in front of the eiffel tower")


def main() -> None:
    arguments = parsed()
    folder = arguments.folder or base_folder(Base(id=0, slug="zen-mini", family="sd15", path="builtin:zen-mini"))
    device = pick_device()
    dtype = pick_dtype("auto", device)
    family = SD15(diffusers_source(folder, "sd15"), device, dtype)
    side = plain_size(folder)
    requests = [
        PictureRequest(
            prompt=f"a photo of a woman {PLACES[seed % len(PLACES)]}",
            seed=seed,
            width=side,
            height=side,
            steps=arguments.steps,
            guidance=5.0,
            scheduler="ddim",
        )
        for seed in range(arguments.pictures)
    ]
    pipeline = plain_pipeline(folder, device, dtype)
    engine_rates, plain_rates = [], []
    for round_number in range(arguments.rounds + 1):
        plain = timed(lambda: draw_plainly(pipeline, requests))
        ours = timed(lambda: list(Engine(family).draw(requests)))
        if round_number:  # the first one warms both up
            plain_rates.append(len(requests) / plain)
            engine_rates.append(len(requests) / ours)
    engine, plain = statistics.median(engine_rates), statistics.median(plain_rates)
    document = {
        "device": device.type,
        "precision": precision_name(dtype),
        "threads": torch.get_num_threads(),
        "size": side,
        "steps": arguments.steps,
        "pictures": len(requests),
        "engine_per_second": round(engine, 3),
        "pipeline_per_second": round(plain, 3),
        "ratio": round(engine / plain, 2),
    }
    print(json.dumps(document, indent=2))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def plain_size(folder: Path) -> int:
    """The side of the pictures that the base was trained on."""
    latents = json.loads((folder / "unet" / "config.json").read_text())["sample_size"]
    blocks = json.loads((folder / "vae" / "config.json").read_text())["block_out_channels"]
    return int(latents * 2 ** (len(blocks) - 1))


def plain_pipeline(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """diffusers' pipeline as its documentation loads it, with the same scheduler."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=dtype, local_files_only=True, use_safetensors=True, safety_checker=None
    ).to(device)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw_plainly(pipeline: Any, requests: list[PictureRequest]) -> None:
    for request in requests:
        pipeline(
            request.prompt,
            height=request.height,
            width=request.width,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            generator=torch.Generator("cpu").manual_seed(request.seed),
        )


def timed(work: Any) -> float:
    """Seconds that `work` takes, with everything queued on a GPU done."""
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
