"""How the shipped model came about: ``make train``. Needs ``calx[train]``."""
