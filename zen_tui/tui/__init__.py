"""The app: one screen for each tab, the widgets they share, and the list of every key.

Screens put jobs on the queue and read what is on disk; they never do the work of the worker.
"""
