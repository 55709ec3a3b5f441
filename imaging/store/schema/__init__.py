"""How records lie in the database: its tables, and what is kept in them as JSON.

Imports no other module of the store.
"""
