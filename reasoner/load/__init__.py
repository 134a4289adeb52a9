"""How do files become a guideline? Source, vocabulary, shapes, rules, evidence; the cache.

May use `ontology`, `reasoner.model`, and what those may.
"""
