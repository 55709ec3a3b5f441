"""What is wrong with a database, said truly; and how to read one that cannot be written.

Knows SQLite's and PostgreSQL's errors and the file, no tables.
"""
