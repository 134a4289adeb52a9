"""How is Calx reached? Command line, HTTP, SPARQL, CDS Hooks, FHIR, pages: a room each.

Its rooms use everything else; nothing else uses them.
"""
