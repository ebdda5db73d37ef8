"""Tests of twisted_chat/hints/."""
