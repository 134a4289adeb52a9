"""What do other systems' words mean to us, and ours to them?

FHIR, CDS Hooks, DICOM structured reports, codes of other terminologies.

May use `imaging.readers`, `reasoner.cohorts`, `reasoner.tell`, and what those may.
"""
