"""How do files become a guideline? Source, vocabulary, shapes, rules, evidence; the cache.

May use `model` and `calx.ontology`.
"""
