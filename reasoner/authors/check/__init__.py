"""Is a guideline well formed? Every problem with its kind and place.

May use `load`, `engine` and `calx.ontology`.
"""
