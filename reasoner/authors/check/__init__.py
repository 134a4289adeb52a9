"""Is a guideline well formed? Every problem with its kind and place.

May use `reasoner.authors`, and what those may.
"""
