"""What do the rules say of many lesions at once? The same program as SQL over columns, a lesion a
row.

May use `reasoner.engine`, and what those may.
"""
