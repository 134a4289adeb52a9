"""How is a guideline changed in its place? Tables, studies and statements.

May use `load` and `calx.ontology`.
"""
