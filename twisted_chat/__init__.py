"""twisted-chat: one set of chat sessions behind many doors."""

__version__ = "0.1.0"
