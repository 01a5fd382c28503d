"""What is on disk: paths, durable files, records, the database, settings and specs.

This room knows no other. Everything that Zen keeps is written through `durable` and recorded through
`database`, so that a crash leaves either the old state or the new one.
"""
