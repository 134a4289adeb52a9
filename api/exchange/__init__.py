"""What do other systems' words mean to us, and ours to them?

FHIR, CDS Hooks, codes of other terminologies.

May use `reasoner.intake`, `reasoner.tell`, and what those may.
"""
