"""Local models that look at photos: captioners, taggers, mattes. They run in the worker and from folders that the
person names; nothing in such a folder is run as code."""
