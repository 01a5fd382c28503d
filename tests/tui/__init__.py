"""The app, driven by its keys."""
