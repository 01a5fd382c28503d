"""The command line: one file per noun; stdout is data, stderr is narration."""
