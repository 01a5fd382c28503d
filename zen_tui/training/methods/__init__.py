"""What learns: one file per method."""
