"""May this case be answered? Files of cases, the typed gate, measurements.

May use `ontology`, `reasoner.engine`, and what those may.
"""
