"""How did the shipped model come about? ``make train``. Needs ``calx[train]``."""
