"""Tests of twisted_chat/log/."""
