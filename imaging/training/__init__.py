"""How did the shipped model come about? ``make train``. Needs ``calx[train]``.

May use `imaging.simulator`, and what those may.
"""
