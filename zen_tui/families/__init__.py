"""One file per model architecture, behind one interface."""
