"""The guideline model and its readings: one module a reading, named for what it answers."""
