"""How is a guideline changed in its place? Tables, studies and statements.

May use `ontology`, `reasoner.model`, and what those may.
"""
