"""What the built-in base can do, measured: `python -m zen_tui.mannequins.evaluate`.

Prompts come from people and scenes never trained on and name everything that shows; the readers say what came out.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch.nn import functional

from zen_tui.mannequins import cast
from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.mannequins.model import WEIGHTS, load_pipeline
from zen_tui.mannequins.readers import (
    AttributeReader,
    IdentityReader,
    gallery,
    load_attribute_reader,
    load_identity_reader,
    portrait_of,
    visible,
)
from zen_tui.mannequins.world import ATTRIBUTES, caption, render

PORTRAITS = 6
BATCH = 8


class Asked(msgspec.Struct, frozen=True):
    """A prompt and the attributes it asks for."""

    prompt: str
    attributes: dict[str, str]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Shares in 0..1. `adherence` has one for every attribute, of the pictures in which it was asked."""

    adherence: dict[str, float]
    identity_top1: float
    variety_woman: float
    variety_man: float
    pictures: int


class _Talkative(random.Random):
    """Chances come out so that a caption leaves nothing out, yet names no colour where none shows."""

    def random(self) -> float:
        return 0.13


def asked_for(index: int, subject: str | None = None, style: str | None = None) -> Asked:
    """Prompt number `index` about an `evaluate` person in a new scene; `subject` replaces who they are."""
    person, scene = cast.person("evaluate", index), cast.scene("evaluate", index, style=style)
    sentence = caption(person, scene, _Talkative(index), subject)
    seen = visible(person, scene)
    if subject is not None:
        seen = {name: seen[name] for name in ("style", "background", "garment_color") if name in seen}
    return Asked(sentence, seen)


@torch.no_grad()
def draw(
    pipeline: Any, prompts: Sequence[str], *, steps: int = 20, guidance: float = 3.0, seed: int = 0
) -> torch.Tensor:
    """Pictures (N, 3, H, W) uint8 for these prompts; picture k depends on its prompt and `seed + k` alone."""
    drawn = []
    for first in range(0, len(prompts), BATCH):
        part = list(prompts[first : first + BATCH])
        seeds = [torch.Generator().manual_seed(seed + first + k) for k in range(len(part))]
        made = pipeline(
            part, num_inference_steps=steps, guidance_scale=guidance, generator=seeds, output_type="pt"
        )
        drawn.append((made.images.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu())
    return torch.cat(drawn)


def adherence(pictures: torch.Tensor, asked: Sequence[Asked], read: AttributeReader) -> dict[str, float]:
    """For each attribute, how often what was asked is what is read."""
    found = read(pictures)
    shares = {}
    for name in ATTRIBUTES:
        hits = [
            got[name] == one.attributes[name]
            for got, one in zip(found, asked, strict=True)
            if name in one.attributes
        ]
        if hits:
            shares[name] = sum(hits) / len(hits)
    return shares


def identity_top1(
    pictures: torch.Tensor, people: torch.Tensor, index: int, read: IdentityReader | None = None
) -> float:
    """How often the nearest of `people` (M, D; unit readings, see `gallery`) is number `index`."""
    read = read or load_identity_reader()
    nearest = (read(pictures) @ people.T).argmax(1)
    return float((nearest == index).float().mean())


def variety(pictures: torch.Tensor, read: IdentityReader) -> float:
    """Mean of one minus the cosine over all pairs of pictures: 0 is the same face again and again."""
    likeness = functional.normalize(read(pictures), dim=1)
    likeness = likeness @ likeness.T
    pairs = torch.triu(torch.ones_like(likeness), diagonal=1) > 0
    return float((1 - likeness[pairs]).mean())


def portrait(part: str, index: int, read: IdentityReader) -> torch.Tensor:
    """The mean reading of a few photos of one person of the cast, (D,)."""
    scenes = [cast.scene(part, index, 100 + k, style="photo") for k in range(PORTRAITS)]
    return portrait_of(read, render([cast.person(part, index)] * PORTRAITS, scenes))


def strangers_top1(
    pipeline: Any, subjects: int, read: IdentityReader, people: torch.Tensor, **options: Any
) -> float:
    """How often the base alone, asked for an unknown token, happens to draw the subject out of 50 people."""
    shares = []
    for index in range(subjects):
        word = cast.person("evaluate", index).gender
        prompts = [asked_for(1000 + 10 * index + k, f"ohwx {word}", "photo").prompt for k in range(4)]
        rows = torch.cat([people[:-1], portrait("evaluate", index, read)[None]])
        shares.append(identity_top1(draw(pipeline, prompts, **options), rows, len(rows) - 1, read))
    return sum(shares) / len(shares)


def evaluate(
    folder: Path = WEIGHTS, pictures: int = 120, subjects: int = 6, same: int = 16, **options: Any
) -> tuple[Figures, torch.Tensor]:
    """Measure the base in `folder`; also returns the pictures of the adherence part."""
    pipeline = load_pipeline(folder)
    who = load_identity_reader(folder / "readers")
    what = load_attribute_reader(folder / "readers")
    asked = [asked_for(k) for k in range(pictures)]
    drawn = draw(pipeline, [one.prompt for one in asked], **options)
    women = draw(pipeline, ["a photo of a woman"] * same, **options)
    men = draw(pipeline, ["a photo of a man"] * same, **options)
    people = gallery(50, 0, folder / "readers")
    figures = Figures(
        adherence=adherence(drawn, asked, what),
        identity_top1=strangers_top1(pipeline, subjects, who, people, **options),
        variety_woman=variety(women, who),
        variety_man=variety(men, who),
        pictures=pictures,
    )
    return figures, drawn


def sheet(pictures: torch.Tensor, columns: int = 8) -> Any:
    """The pictures side by side as one PIL image."""
    from PIL import Image

    rows = -(-len(pictures) // columns)
    blank = pictures.new_full((rows * columns - len(pictures), *pictures.shape[1:]), 255)
    tiles = torch.cat([pictures, blank]).reshape(rows, columns, *pictures.shape[1:])
    joined = tiles.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return Image.fromarray(joined.contiguous().numpy())


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m zen_tui.mannequins.evaluate", description=__doc__)
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--pictures", type=int, default=120)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--sheet", type=Path, help="also save the pictures as one PNG")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    keep_freed_memory()
    figures, drawn = evaluate(options.folder, options.pictures, steps=options.steps, guidance=options.guidance)
    if options.sheet:
        sheet(drawn[:64]).save(options.sheet)
    if options.json:
        print(json.dumps(msgspec.to_builtins(figures)))
        return
    for name, share in figures.adherence.items():
        print(f"{name:24s}{share:7.1%}")
    print(f"{'identity top-1 of 50':24s}{figures.identity_top1:7.1%}")
    print(f"{'variety, a woman':24s}{figures.variety_woman:7.2f}")
    print(f"{'variety, a man':24s}{figures.variety_man:7.2f}")


if __name__ == "__main__":
    main()
