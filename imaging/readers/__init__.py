"""What was recorded? What comes from outside becomes frames with a place and a scale, or curves; no
patient's identity passes.

May use `imaging.facts`, and what those may.
"""
