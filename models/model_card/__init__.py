"""Stored figures as the model page, the model card and the README show them.

Rule of the room: it reads what evaluation stored and computes nothing new about films.
"""
