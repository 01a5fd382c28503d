"""Two small networks that look at a picture of a mannequin: who is it, and what is seen.

Both are trained on renders alone (`pretrain_readers.py`) and travel beside the base's weights. Identity is read as
the numbers a person is made of; numbers a picture does not show come out near their average. Directions in which
readings of one person scatter count less (`discriminant` there).
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional

from zen_tui.mannequins import cast
from zen_tui.mannequins.model import WEIGHTS
from zen_tui.mannequins.people import Person
from zen_tui.mannequins.scenes import Scene
from zen_tui.mannequins.world import ATTRIBUTES, STATUES, render

READERS = WEIGHTS / "readers"
GALLERY_SHOTS = 6
_SIDE, _BATCH = 128, 64

IdentityReader = Callable[[torch.Tensor], torch.Tensor]
AttributeReader = Callable[[torch.Tensor], list[dict[str, str]]]


def shows_color(scene: Scene) -> bool:
    """Whether colours of clothes and hair can be seen in this style."""
    return scene.style not in STATUES and scene.style != "pencil sketch"


def visible(person: Person, scene: Scene) -> dict[str, str]:
    """The attributes a picture of them shows."""
    colored = shows_color(scene)
    hidden = scene.hat is not None and person.hair_style not in ("bob", "long", "curly")
    seen = {"style": scene.style, "background": scene.background, "gender": person.gender}
    if colored:
        seen["garment_color"] = scene.garment_color
    if colored and person.hair_style != "bald":
        seen["hair_color"] = person.hair_color
    if not hidden:
        seen["hair_style"] = person.hair_style
    return seen


class _Step(nn.Module):
    """Halve the picture, then look again with a residual convolution."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(into, out, 3, stride=2, padding=1)
        self.first_norm = nn.GroupNorm(8, out)
        self.again = nn.Conv2d(out, out, 3, padding=1)
        self.second_norm = nn.GroupNorm(8, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.silu(self.first_norm(self.down(x)))
        return x + functional.silu(self.second_norm(self.again(x)))


class Reader(nn.Module):
    """Pictures (N, 3, 128, 128) in -1..1 to `outputs` numbers each."""

    def __init__(self, outputs: int, width: int = 24) -> None:
        super().__init__()
        sizes = (3, width, 2 * width, 3 * width, 4 * width)
        self.steps = nn.Sequential(*(_Step(a, b) for a, b in itertools.pairwise(sizes)))
        self.narrow = nn.Conv2d(sizes[-1], 32, 1)
        self.hidden = nn.Linear(32 * (_SIDE // 16) ** 2, 192)
        self.answer = nn.Linear(192, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, outputs)."""
        x = self.narrow(self.steps(x)).flatten(1)
        answer: torch.Tensor = self.answer(functional.silu(self.hidden(x)))
        return answer


def prepare(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 3, H, W) to what a reader looks at: (N, 3, 128, 128) in -1..1.

    Raises:
        ValueError: not uint8 colour pictures.
    """
    if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"Pictures must be uint8 (N, 3, H, W), not {pictures.dtype} {tuple(pictures.shape)}.")
    x = pictures.float() / 127.5 - 1
    if x.shape[-2:] != (_SIDE, _SIDE):
        x = functional.interpolate(x, size=(_SIDE, _SIDE), mode="bilinear", antialias=True)
    return x


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a dict


def _built(tensors: dict[str, torch.Tensor]) -> Reader:
    reader = Reader(len(tensors["answer.bias"]), len(tensors["steps.0.down.bias"]))
    reader.load_state_dict(tensors)
    return reader.eval()


@torch.no_grad()
def _answers(reader: Reader, pictures: torch.Tensor) -> torch.Tensor:
    if not len(pictures):
        return torch.zeros(0, reader.answer.out_features)
    return torch.cat([reader(prepare(part)) for part in torch.split(pictures, _BATCH)])


def load_identity_reader(folder: Path = READERS) -> IdentityReader:
    """A function from uint8 pictures (N, 3, H, W) to unit vectors (N, D), whose cosine says how alike two are.

    It knows photos, oil paintings, watercolours and cartoons; statues and sketches show too little of a person.

    Raises:
        OSError: the file is missing or damaged.
    """
    tensors = _tensors(folder / "identity.safetensors")
    average, metric = tensors.pop("average"), tensors.pop("metric")
    reader = _built(tensors)
    return lambda pictures: functional.normalize((_answers(reader, pictures) - average) @ metric, dim=1)


def load_attribute_reader(folder: Path = READERS) -> AttributeReader:
    """A function from uint8 pictures (N, 3, H, W) to a word for every name in ATTRIBUTES, per picture.

    Raises:
        OSError: the file is missing or damaged.
    """
    reader = _built(_tensors(folder / "attributes.safetensors"))

    def read(pictures: torch.Tensor) -> list[dict[str, str]]:
        parts = torch.split(_answers(reader, pictures), [len(words) for words in ATTRIBUTES.values()], dim=1)
        best = {name: part.argmax(1).tolist() for name, part in zip(ATTRIBUTES, parts, strict=True)}
        return [{name: ATTRIBUTES[name][best[name][i]] for name in ATTRIBUTES} for i in range(len(pictures))]

    return read


def portrait_of(reader: IdentityReader, pictures: torch.Tensor) -> torch.Tensor:
    """One person's mean reading over several pictures, at length one: (D,)."""
    return functional.normalize(reader(pictures).mean(0), dim=0)


def draw_gallery(reader: IdentityReader, n: int, seed: int) -> torch.Tensor:
    """Render `n` people of the gallery, a few photos each, and read them: (n, D)."""
    readings = []
    for i in range(n):
        people = [cast.person("gallery", i, seed)] * GALLERY_SHOTS
        scenes = [cast.scene("gallery", i, k, seed, style="photo") for k in range(GALLERY_SHOTS)]
        readings.append(portrait_of(reader, render(people, scenes)))
    return torch.stack(readings)


def gallery(n: int = 50, seed: int = 0, folder: Path = READERS) -> torch.Tensor:
    """Mean readings of `n` people never trained on, (n, D), each at length one.

    The first fifty of seed 0 travel with the readers; others are rendered, which takes about two seconds each.
    """
    path = folder / "gallery.safetensors"
    if seed == 0 and path.exists():
        known = _tensors(path)["readings"]
        if n <= len(known):
            return known[:n]
    return draw_gallery(load_identity_reader(folder), n, seed)
