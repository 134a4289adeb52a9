"""What the authors of a guideline ask: is an edit well formed, what does it prove, what does it change.

Nothing here is needed to answer a case.
"""
