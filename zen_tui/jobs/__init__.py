"""The queue, the worker process, and the events between them and the screens."""
