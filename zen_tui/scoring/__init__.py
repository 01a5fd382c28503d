"""Measuring pictures: identity, prompt adherence, and the sheets that show them."""
