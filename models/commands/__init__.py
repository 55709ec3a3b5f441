"""Terminal commands that need networks: classify, explain, queue, results, reference cases.

Rule of the room: the model half of `cli.py`; they call workflows and print.
"""
