"""Signing in, and a reader's own settings."""
