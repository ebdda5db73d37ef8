"""Doors: listeners and their protocols. A door is framing, a mind and a login; it has no rule."""
