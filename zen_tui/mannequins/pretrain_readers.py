"""Fifth stage: the readers, on renders and on renders that went through the autoencoder with some noise.

What cannot be seen is not asked: no hair colour of a statue or a bald head, no hair style that a hat hides.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from zen_tui.mannequins import cast
from zen_tui.mannequins.model import Shape, make_vae
from zen_tui.mannequins.pretrain_kept import Stopped, keep, recall, whole
from zen_tui.mannequins.pretrain_loop import Plan, Setting, learn
from zen_tui.mannequins.pretrain_render import Pictures
from zen_tui.mannequins.readers import Reader, draw_gallery, load_identity_reader, prepare, shows_color, visible
from zen_tui.mannequins.world import ATTRIBUTES, identity_numbers

UNSEEN = -100
LATENT_NOISE = 0.25
READ = 40  # batches of 64 renders that the scatter of readings is measured on
SCATTER_FLOOR = 1e-3


@torch.no_grad()
def _decoded(setting: Setting, shape: Shape, count: int, batch: int = 32) -> torch.Tensor:
    """The first `count` pictures as decoded from noisy latents, uint8; kept for a restart."""
    path = setting.work / "decoded.pt"
    if path.exists():
        return recall(path)["pictures"]  # type: ignore[no-any-return]
    vae = make_vae(shape)
    vae.load_state_dict(recall(setting.work / "vae-kept.pt"))
    vae = setting.place(vae.eval())
    latents = recall(setting.work / "latents.pt")["latents"]
    drawn = []
    for first in range(0, count, batch):
        if setting.diary.asked:
            raise Stopped
        noise = setting.draws("decoded", first)
        z = latents[first : min(first + batch, count)].float()
        spread = LATENT_NOISE * torch.rand(len(z), 1, 1, 1, generator=noise)
        z = (z + spread * torch.randn(z.shape, generator=noise)).contiguous(memory_format=torch.channels_last)
        with setting.half():
            pictures = vae.decode(z.to(setting.device)).sample
        drawn.append(((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().contiguous())
    decoded = torch.cat(drawn)
    keep(path, {"pictures": decoded})
    return decoded


def _disturb(x: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    """Shift, mirror, blur, and change light and noise a little: readings must not hang on exact pixels."""
    shift = torch.randint(-6, 7, (2,), generator=draws).tolist()
    x = torch.roll(functional.pad(x, (6, 6, 6, 6), mode="replicate"), shift, (2, 3))[..., 6:-6, 6:-6]
    chance = torch.rand(3, generator=draws).tolist()
    if chance[0] < 0.5:
        x = x.flip(-1)
    if chance[1] < 0.35:
        small = functional.interpolate(x, scale_factor=0.5 + 0.5 * chance[2], mode="bilinear", antialias=True)
        x = functional.interpolate(small, size=x.shape[-2:], mode="bilinear")
    gain = 1 + 0.12 * (2 * torch.rand(len(x), 1, 1, 1, generator=draws) - 1)
    offset = 0.08 * (2 * torch.rand(len(x), 1, 1, 1, generator=draws) - 1)
    disturbed: torch.Tensor = x * gain + offset + 0.03 * torch.randn(x.shape, generator=draws)
    return disturbed


def _answers(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Identity numbers (N, D), whether the style shows them (N,), and attribute numbers (N, A) with UNSEEN."""
    numbers, shown, words = [], [], []
    for i in range(count):
        person, scene = cast.person("train", i, seed), cast.scene("train", i, seed=seed)
        seen = visible(person, scene)
        numbers.append(identity_numbers(person))
        shown.append(shows_color(scene))
        words.append(
            [options.index(seen[name]) if name in seen else UNSEEN for name, options in ATTRIBUTES.items()]
        )
    return torch.tensor(numbers), torch.tensor(shown), torch.tensor(words)


class _Looks:
    """Disturbed pictures with their numbers: renders, and a share of renders that went through the autoencoder."""

    def __init__(
        self, setting: Setting, pictures: Pictures, decoded: torch.Tensor, batch: int, rough: int
    ) -> None:
        self.setting, self.pictures, self.decoded = setting, pictures, decoded
        self.batch, self.rough = batch, rough

    def draw(self, stage: str, step: int, among: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch (N, 3, H, W) of the pictures numbered `among`, and their numbers (N,)."""
        draws = self.setting.draws(stage, step)
        clean = among[torch.randint(len(among), (self.batch - self.rough,), generator=draws)]
        few = among[among < len(self.decoded)]
        rough = few[torch.randint(len(few), (self.rough,), generator=draws)]
        both = torch.cat([self.pictures.take(clean.tolist()), self.decoded[rough]])
        x = _disturb(prepare(both), draws).contiguous(memory_format=torch.channels_last)
        return x.to(self.setting.device), torch.cat([clean, rough])


def train_identity(setting: Setting, looks: _Looks, plan: Plan, faces: int) -> None:
    """Train the identity reader on the styles that show a person, then read the gallery with it."""
    folder = setting.work / "readers"
    if (folder / "gallery.safetensors").exists():
        return
    numbers, shown, _ = _answers(len(looks.pictures), setting.seed)
    among = shown.nonzero().flatten()
    torch.manual_seed(setting.seed)
    model: Any = setting.place(Reader(numbers.shape[1]))

    def loss(step: int) -> torch.Tensor:
        x, index = looks.draw("reader-identity", step, among)
        with setting.half():
            who = model(x)
        return functional.mse_loss(who.float(), numbers[index].to(setting.device))

    learn("reader-identity", setting, model, loss, plan).copy_to(model)
    model = model.cpu().float().eval()
    some = among[: 64 * READ]
    with torch.no_grad():
        readings = torch.cat(
            [model(prepare(looks.pictures.take(part.tolist()))) for part in torch.split(some, 64)]
        )
    average, metric = readings.mean(0), discriminant(readings, numbers[some])
    _save(model, folder / "identity.safetensors", average=average, metric=metric)
    gallery = draw_gallery(load_identity_reader(folder), faces, 0)
    whole(folder / "gallery.safetensors", lambda draft: save_file({"readings": gallery}, draft))


def discriminant(readings: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """The matrix (D, D) under which readings of one person scatter alike in all directions (Fisher, 1936).

    Each person is seen once, so the scatter is what a linear model of the true numbers leaves of the readings.
    """
    off, known = readings - readings.mean(0), numbers - numbers.mean(0)
    slope = torch.linalg.lstsq(known, off, driver="gelsd").solution
    scatter = (off - known @ slope).T @ (off - known @ slope) / len(off)
    values, vectors = torch.linalg.eigh(scatter + SCATTER_FLOOR * torch.eye(len(scatter)))
    return vectors @ torch.diag(values**-0.5) @ vectors.T  # type: ignore[no-any-return]


def train_attributes(setting: Setting, looks: _Looks, plan: Plan) -> None:
    """Train the attribute reader on every style."""
    path = setting.work / "readers" / "attributes.safetensors"
    if path.exists():
        return
    _, _, words = _answers(len(looks.pictures), setting.seed)
    sizes = [len(options) for options in ATTRIBUTES.values()]
    torch.manual_seed(setting.seed)
    model: Any = setting.place(Reader(sum(sizes)))

    def loss(step: int) -> torch.Tensor:
        x, index = looks.draw("reader-attributes", step, torch.arange(len(looks.pictures)))
        with setting.half():
            guesses = torch.split(model(x).float(), sizes, dim=1)
        asked = words[index].to(setting.device)
        losses = [
            functional.cross_entropy(guess, asked[:, k], ignore_index=UNSEEN, reduction="sum")
            for k, guess in enumerate(guesses)
        ]
        return torch.stack(losses).sum() / len(index)

    learn("reader-attributes", setting, model, loss, plan).copy_to(model)
    _save(model.cpu().float(), path)


def train_readers(
    setting: Setting, pictures: Pictures, shape: Shape, identity: Plan, attributes: Plan, batch: int, decoded: int,
    faces: int,
) -> None:  # fmt: skip
    """Train both readers and read the gallery; all three files are kept in `readers/` of the work folder."""
    rough = _decoded(setting, shape, decoded)
    train_attributes(setting, _Looks(setting, pictures, rough, batch, batch // 2), attributes)
    train_identity(setting, _Looks(setting, pictures, rough, batch, batch // 4), identity, faces)


def _save(reader: nn.Module, path: Path, **more: torch.Tensor) -> None:
    state = {name: tensor.half().contiguous() for name, tensor in reader.state_dict().items()}
    state |= {name: tensor.float().contiguous() for name, tensor in more.items()}
    whole(path, lambda draft: save_file(state, draft))
