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
from zen_tui.mannequins.readers import Reader, draw_gallery, identity_of, prepare, shows_color, visible
from zen_tui.mannequins.world import ATTRIBUTES, identity_numbers

UNSEEN = -100
LATENT_NOISE = 0.25


class Both(nn.Module):
    """The two readers, trained side by side on the same pictures."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.identity = Reader(numbers)
        self.attributes = Reader(sum(map(len, ATTRIBUTES.values())))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (N, 3, 128, 128) in -1..1."""
        return self.identity(x), self.attributes(x)


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


def train_readers(
    setting: Setting, pictures: Pictures, shape: Shape, plan: Plan, batch: int, decoded: int, faces: int
) -> None:
    """Train both readers, read the gallery with them, and keep all three in `readers/` of the work folder."""
    folder = setting.work / "readers"
    if (folder / "gallery.safetensors").exists():
        return
    other = _decoded(setting, shape, decoded)
    numbers, shown, words = _answers(len(pictures), setting.seed)
    sizes = [len(options) for options in ATTRIBUTES.values()]
    torch.manual_seed(setting.seed)
    model: Any = setting.place(Both(numbers.shape[1]))
    model.identity.average.copy_(numbers[shown].mean(0))

    def loss(step: int) -> torch.Tensor:
        draws = setting.draws("readers", step)
        clean = torch.randint(len(pictures), (batch - batch // 2,), generator=draws)
        rough = torch.randint(len(other), (batch // 2,), generator=draws)
        both = torch.cat([pictures.take(clean.tolist()), other[rough]])
        x = _disturb(prepare(both), draws).contiguous(memory_format=torch.channels_last).to(setting.device)
        index = torch.cat([clean, rough])
        with setting.half():
            who, what = model(x)
        mask = shown[index].float().to(setting.device)
        off = (who.float() - numbers[index].to(setting.device)).square().mean(1)
        asked = words[index].to(setting.device)
        guesses = torch.split(what.float(), sizes, dim=1)
        read = torch.stack(
            [
                functional.cross_entropy(guess, asked[:, k], ignore_index=UNSEEN, reduction="sum") / batch
                for k, guess in enumerate(guesses)
            ]
        ).sum()
        known: torch.Tensor = (off * mask).sum() / mask.sum().clamp(min=1)
        return 2 * known + read

    learn("readers", setting, model, loss, plan).copy_to(model)
    model = model.cpu().float().eval()
    _save(model.identity, folder / "identity.safetensors")
    _save(model.attributes, folder / "attributes.safetensors")
    readings = draw_gallery(lambda p: identity_of(model.identity, p), faces, 0)
    whole(folder / "gallery.safetensors", lambda draft: save_file({"readings": readings}, draft))


def _save(reader: nn.Module, path: Path) -> None:
    state = {name: tensor.half().contiguous() for name, tensor in reader.state_dict().items()}
    whole(path, lambda draft: save_file(state, draft))
