"""Tests of twisted_chat/chat/."""
