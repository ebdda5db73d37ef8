"""The client for people: its words and commands, on a terminal or a pipe."""
