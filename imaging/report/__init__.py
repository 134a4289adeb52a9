"""What is shown of a recording? Pictures, curves, the structured report.

May use `imaging.model`, and what those may.
"""
