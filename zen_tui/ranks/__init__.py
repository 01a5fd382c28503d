"""Several processes that do one job: one a GPU, on one machine or on several.

The first of them is the worker itself. The others compute, write nothing, and end with it. They speak over pipes
and add up through shared memory, so the offline lock holds for all of them.
"""
