"""The noise process of Stable Diffusion 1 and XL: discrete steps, noise or velocity as the target."""

from __future__ import annotations

import torch
from torch import Tensor

from zen_tui.families.objective import Objective


class Epsilon(Objective):
    """x_t = sqrt(a)·x0 + sqrt(1-a)·noise, with a = `alphas_cumprod[s]`.

    The target is the noise ('epsilon') or the velocity sqrt(a)·noise - sqrt(1-a)·x0 ('v_prediction',
    Salimans & Ho 2022). `gamma` > 0 weighs by min-SNR (Hang et al. 2023).
    """

    def __init__(self, alphas_cumprod: Tensor, prediction_type: str, gamma: float = 0.0) -> None:
        self.alphas = alphas_cumprod.float()
        self.velocity = prediction_type == "v_prediction"
        self.gamma = gamma
        self.drawing = "uniform"

    def time_at(self, u: Tensor) -> Tensor:
        steps = len(self.alphas)
        return (u * steps).long().clamp(max=steps - 1)

    def corrupt(self, clean: Tensor, noise: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        alpha = self.alphas.to(clean.device)[s].view(-1, *[1] * (clean.ndim - 1))
        signal, spread = alpha.sqrt(), (1 - alpha).sqrt()
        noisy = signal * clean + spread * noise
        return noisy, signal * noise - spread * clean if self.velocity else noise

    def weight(self, s: Tensor) -> Tensor:
        if not self.gamma:
            return torch.ones(len(s), device=s.device)
        alpha = self.alphas.to(s.device)[s]
        snr = alpha / (1 - alpha)
        # min-SNR is stated for errors in x0; epsilon's error is snr times that, the velocity's snr + 1
        return snr.clamp(max=self.gamma) / (snr + 1 if self.velocity else snr.clamp(min=1e-8))
