"""What does a scored registry show? Tables and figures for an epidemiologist.

May use `reasoner.cohorts`, and what those may.
"""
