"""What is a guideline, a condition, a case, a measurement? Plain data, without a reading.

Nothing of Calx lies below it.
"""
