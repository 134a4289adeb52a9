"""What is kept, and how is nothing lost? Stores, records of answers, backups, the audit log.

May use `sparql`, `contract` and `calx.reasoner`.
"""
