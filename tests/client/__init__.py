"""Tests of twisted_chat/client/."""
