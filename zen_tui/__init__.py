"""Zen: train a model of someone or something from your own photos, and make pictures with it, offline."""

__version__ = "0.1.0"
