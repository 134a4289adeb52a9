"""What does a pullback show? From a recording to the facts of a case, each with its interval.

`reading` is the front door.

May use `imaging.model`, `imaging.readers`, and what those may.
"""
