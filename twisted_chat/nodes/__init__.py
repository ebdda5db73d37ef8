"""One chat of several nodes: what joins them, over a shared log and hints."""
