"""What is a guideline, a condition, a case, a measurement? Plain data, without a reading.

May use nothing but `calx.errors`.
"""
