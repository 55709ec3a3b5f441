"""Regions of a film on the screen: boxes that a reader draws, asks about, and finds again."""
