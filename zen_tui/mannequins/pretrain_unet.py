"""Third and fourth stage: latents once, then the UNet and the text encoder together, on v-prediction.

Captions are drawn anew each time a picture is seen, a tenth of them empty (Ho and Salimans, 2022). Some get an
idle word or two that no caption uses, so that an unknown word in a prompt does no harm. The tokens kept for
subjects stay untouched.
"""

import contextlib
import random
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn import functional

from zen_tui.mannequins import cast
from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.mannequins.model import Shape, make_scheduler, make_text_encoder, make_unet, make_vae
from zen_tui.mannequins.pretrain_crew import crew
from zen_tui.mannequins.pretrain_kept import Diary, Stopped, keep, recall
from zen_tui.mannequins.pretrain_loop import Plan, Setting, learn
from zen_tui.mannequins.pretrain_render import Pictures
from zen_tui.mannequins.world import caption, vocabulary

EMPTY, IDLE = 0.1, 0.15


@torch.no_grad()
def encode_all(setting: Setting, pictures: Pictures, shape: Shape, batch: int = 32) -> torch.Tensor:
    """Latents of every picture and of its mirror image, (2 N, 4, H/8, W/8), in half precision.

    Raises:
        Stopped: asked to stop.
    """
    path = setting.work / "latents.pt"
    if path.exists():
        return recall(path)["latents"]  # type: ignore[no-any-return]
    setting.diary.write("stage", stage="latents", pictures=len(pictures))
    vae = make_vae(shape)
    vae.load_state_dict(recall(setting.work / "vae-kept.pt"))
    vae = setting.place(vae.eval())
    plain, mirrored = [], []
    for first in range(0, len(pictures), batch):
        if setting.diary.asked:
            raise Stopped
        x = pictures.take(list(range(first, min(first + batch, len(pictures))))).to(setting.device)
        x = (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        with setting.half():
            both = vae.quant_conv(vae.encoder(torch.cat([x, x.flip(-1)])))[:, :4]
        one, other = both.cpu().half().chunk(2)
        plain.append(one.contiguous())
        mirrored.append(other.contiguous())
    latents = torch.cat(plain + mirrored)
    keep(path, {"latents": latents})
    return latents


class Painter(nn.Module):
    """Text encoder and UNet as one model with one set of weights."""

    def __init__(self, shape: Shape, tokenizer: Any) -> None:
        super().__init__()
        self.text_encoder = make_text_encoder(shape, tokenizer)
        self.unet = make_unet(shape)

    def forward(self, x: torch.Tensor, t: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Predict v for noisy latents x (N, 4, h, w) at steps t (N,) from tokens (N, L)."""
        words = self.text_encoder(tokens).last_hidden_state
        v: torch.Tensor = self.unet(x, t, words, return_dict=False)[0]
        return v.float()


class Captions:
    """A sentence for a latent's number; numbers beyond the pictures are their mirror images."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        sentences = [self._plain(i, cast.stream("train", seed, "words", i)) for i in range(2000)]
        used = {word.strip(",") for sentence in sentences for word in sentence.split()}
        self.idle = [word for word in vocabulary() if word not in used]

    def _plain(self, number: int, rng: random.Random) -> str:
        index = number % self.count
        scene = cast.scene("train", index, seed=self.seed)
        if number >= self.count:
            scene = msgspec.structs.replace(scene, yaw=-scene.yaw)
        return caption(cast.person("train", index, self.seed), scene, rng)

    def draw(self, number: int, step: int) -> str:
        """The sentence for this latent at this step."""
        rng = cast.stream("train", self.seed, "caption", number, step)
        if rng.random() < EMPTY:
            return ""
        words = self._plain(number, rng).split(" ")
        if rng.random() < IDLE:
            for _ in range(rng.randint(1, 2)):
                words.insert(rng.randint(0, len(words)), rng.choice(self.idle))
        return " ".join(words)


class PainterJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to train, in a form that can be sent to a helper process."""

    setting: Setting
    shape: Shape
    tokenizer: Any
    plan: Plan
    batch: int
    stage: str = "unet"

    def __call__(self, rank: int) -> None:
        """Work as helper number `rank`."""
        keep_freed_memory()
        diary = Diary(self.setting.work, silent=True)
        setting = msgspec.structs.replace(self.setting, rank=rank, diary=diary)
        latents = recall(setting.work / "latents.pt")["latents"]
        with diary.heeding(), contextlib.suppress(Stopped):
            _train(msgspec.structs.replace(self, setting=setting), latents)


def train_painter(
    setting: Setting,
    latents: torch.Tensor,
    shape: Shape,
    tokenizer: Any,
    plan: Plan,
    batch: int,
    stage: str = "unet",
) -> None:
    """Train UNet and text encoder; keeps `unet.pt`, and for another `stage` goes on from it without changing it.

    The averaged weights of a finished stage are kept as `STAGE-kept.pt`.
    """
    job = PainterJob(setting=setting, shape=shape, tokenizer=tokenizer, plan=plan, batch=batch, stage=stage)
    with crew(setting.work, setting.workers, job):
        _train(job, latents)


def _train(job: PainterJob, latents: torch.Tensor) -> None:
    from diffusers.models.attention_processor import AttnProcessor

    setting, stage, batch, tokenizer = job.setting, job.stage, job.batch, job.tokenizer
    torch.manual_seed(setting.seed)
    painter = setting.place(Painter(job.shape, tokenizer))
    painter.unet.set_attn_processor(AttnProcessor())  # on a processor, faster to train than the fused attention
    forward = setting.fast(painter)
    captions = Captions(len(latents) // 2, setting.seed)
    signal = make_scheduler().alphas_cumprod

    def loss(step: int) -> torch.Tensor:
        draws = setting.draws("unet", step)
        numbers = torch.randint(len(latents), (batch,), generator=draws)
        x = latents[numbers].float()
        t = torch.randint(len(signal), (batch,), generator=draws)
        noise = torch.randn(x.shape, generator=draws)
        a = signal[t].view(-1, 1, 1, 1)
        noisy, v = a.sqrt() * x + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * x
        sentences = [captions.draw(number, step) for number in numbers.tolist()]
        tokens = tokenizer(sentences, padding="max_length", truncation=True, return_tensors="pt").input_ids
        noisy = noisy.contiguous(memory_format=torch.channels_last).to(setting.device)
        with setting.half():
            guess = forward(noisy, t.to(setting.device), tokens.to(setting.device))
        return functional.mse_loss(guess, v.to(setting.device))

    start = None if stage == "unet" else setting.work / "unet.pt"
    average = learn(stage, setting, painter, loss, job.plan, start)
    if setting.rank == 0:
        keep(setting.work / f"{stage}-kept.pt", {**painter.state_dict(), **average.weights})
