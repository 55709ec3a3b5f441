"""What-if: regions erased, films turned or blurred, refusals explained.

Rule of the room: the network is asked again, by the way it answers.
"""
