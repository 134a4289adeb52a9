"""What is kept, and how is nothing lost? Stores, records of answers, backups, the audit log.

May use `api.sparql`, and what those may.
"""
