"""Tests of twisted_chat/accounts/."""
