"""What does the guideline say of a registry? Lesions in files and warehouses, scored as columns.

May use `reasoner`, `reasoner.columns`, and what those may.
"""
