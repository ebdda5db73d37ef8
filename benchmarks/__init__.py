"""Measurements from outside: real daemon, own load generator, and other servers beside it."""
