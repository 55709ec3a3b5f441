"""A data folder as the settings tell of it: its key found, made encrypted when new, converted.

Server and terminal open the store here, all of them in the same way.
"""
