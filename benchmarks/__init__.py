"""Measurements that anyone can run again: each file prints the figures that the documentation states."""
