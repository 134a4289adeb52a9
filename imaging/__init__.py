"""What does a pullback show? From a recording to the facts of a case, each with its interval.

`reading` is the front door. May use nothing of the reasoner but its words; the reasoner knows no pixels.
"""
