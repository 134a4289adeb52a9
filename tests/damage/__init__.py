"""Good inputs of every door, damaged in the ways that reports of the field tell, to see that none becomes another fact
in silence: each is refused with a named place, or gives the same facts, fewer of them with a word, or an interval that
holds the truth.
"""
