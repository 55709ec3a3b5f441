"""Readers: how first reads and the network compare."""
