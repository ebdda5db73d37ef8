"""Tests of twisted_chat/vocabulary/."""
