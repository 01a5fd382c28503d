"""The training loop, its methods, held-out scores, checkpoints and plan."""
