"""What do the authors of a guideline ask? Is an edit
well formed, what does it prove, what does it change.

Nothing here is needed to answer a case.

May use `reasoner`, and what those may.
"""
