"""The built-in base: a small world of rendered people, the recipe that learns it, and its weights."""
