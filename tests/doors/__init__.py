"""Tests of twisted_chat/doors/."""
