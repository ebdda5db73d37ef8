"""Hints: what one node tells the others, and what may be lost on the way without harm."""
