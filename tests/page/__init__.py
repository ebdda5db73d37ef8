"""Tests of twisted_chat/page/."""
