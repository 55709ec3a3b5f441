"""Terminal commands on records: accounts, audit, de-identified copies, the first start.

Rule of the room: typer commands and what starts the product; they call workflows and print. Nothing
imports them but `cli.py` and `app.py`.
"""
