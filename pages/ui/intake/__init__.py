"""Films on their way from a browser: the uploader on the page, and the route it sends them by.

Rule of the room: every file that was picked or dropped is announced before the first byte of it is
sent, and stays told until it has arrived or a reader has dismissed it.
"""
