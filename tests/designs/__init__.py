"""The four older designs: every behaviour of theirs, as this daemon has it."""
