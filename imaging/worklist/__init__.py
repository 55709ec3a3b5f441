"""In which order studies are read, and how long they wait.

Rule of the room: pure rules over entities; `store` says the order as SQL, pages show it. It knows
the files of `imaging/` itself and `review`.
"""
