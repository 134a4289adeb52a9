"""May this case be answered? Files of cases, the typed gate, measurements.

May use `model` and `engine`.
"""
