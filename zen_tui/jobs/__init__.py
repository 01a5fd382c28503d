"""The queue, the worker process, and the events between them and the screens.

A screen or a command puts a job here with `submit`, starts a worker with `launch.ensure_worker` and reads
`events`; the worker is a process of its own that outlives them. Submodules are imported by name.
"""
