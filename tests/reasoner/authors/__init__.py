"""What guideline authors ask: checks, proofs, differences, tables, evidence."""
