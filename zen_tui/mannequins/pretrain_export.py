"""Last stage: the trained parts as one StableDiffusionPipeline folder in half precision, and the readers."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from zen_tui.mannequins.model import Shape, make_pipeline, make_vae
from zen_tui.mannequins.pretrain_kept import recall
from zen_tui.mannequins.pretrain_unet import Painter

LIMIT = 64 * 1024 * 1024
RECOMMENDED = {
    "train": {
        "steps": 400,
        "learning_rate": 1e-3,
        "lr_schedule": "cosine",
        "rank": 16,
        "alpha": 16.0,
        "batch_size": 8,
        "targets": "all",
    },
    "generate": {"steps": 20, "guidance": 3.0},
}
LICENCE = "Apache License 2.0, as Zen itself. Trained on Zen's own renders; no photo of anybody is in it.\n"


def load_painter(work: Path, shape: Shape, tokenizer: Any) -> Painter:
    """UNet and text encoder with averaged weights: of the final stage, else of the last checkpoint."""
    painter = Painter(shape, tokenizer)
    for name in ("unet-final-kept.pt", "unet-kept.pt"):
        if (work / name).exists():
            painter.load_state_dict(recall(work / name))
            return painter
    state = recall(work / "unet.pt")
    painter.load_state_dict({**state["model"], **state["average"]})
    return painter


def export(work: Path, target: Path, shape: Shape, tokenizer: Any) -> int:
    """Write the pipeline folder `target`, replacing what was there, and return its size in bytes.

    Raises:
        FileNotFoundError: a stage has not been run.
        RuntimeError: the folder would be larger than LIMIT; the old one stays.
    """
    vae = make_vae(shape)
    sharp = work / "decoder-kept.pt"
    vae.load_state_dict(recall(sharp if sharp.exists() else work / "vae-kept.pt"))
    painter = load_painter(work, shape, tokenizer)
    pipeline = make_pipeline(vae, painter.unet, painter.text_encoder, tokenizer).to(dtype=torch.float16)
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    pipeline.save_pretrained(draft, safe_serialization=True)
    if (work / "readers").exists():
        shutil.copytree(work / "readers", draft / "readers")
    (draft / "zen.json").write_text(json.dumps(RECOMMENDED, indent=1) + "\n")
    (draft / "LICENSE").write_text(LICENCE)
    size = sum(file.stat().st_size for file in draft.rglob("*") if file.is_file())
    if size > LIMIT:
        raise RuntimeError(f"The weights came to {size} bytes, more than the {LIMIT} they may have.")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(draft, target)
    return size
