"""From files on disk to photos of a dataset: open, verify, orient, hash, record."""
