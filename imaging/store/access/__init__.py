"""Accounts: who there is, who is signed in, and that asked again wherever something is written."""
