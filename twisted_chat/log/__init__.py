"""The log: the append-only record of a session's texts, which alone decides their order."""
