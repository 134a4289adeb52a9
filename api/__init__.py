"""How is Calx reached? Command line, HTTP, SPARQL, CDS Hooks, FHIR, pages: a room each.

May use everything else; nothing else uses it.
"""
