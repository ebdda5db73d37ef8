"""Tests of twisted_chat/operation/."""
