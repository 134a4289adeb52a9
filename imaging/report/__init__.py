"""What is shown of a recording? Pictures, curves, the structured report.

May use `facts` and `model`.
"""
