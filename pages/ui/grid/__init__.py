"""The table of studies and files: a click anywhere on a row, or Enter, opens it.

Rule of the room: rows, columns and words go in, what was pressed comes out, checked. It asks for no
study and knows no patient; what a row says, and what opening one means, is the page's business.
"""
