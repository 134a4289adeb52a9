"""The root of every error that Calx raises on purpose."""


class CalxError(Exception):
    """Root of every error that Calx raises on purpose; ``except CalxError`` misses none.

    Each says what is wrong and what to do. Those of a case carry `CaseError.problems`, those of a
    guideline `GuidelineError.problems`.

    >>> import calx
    >>> try:
    ...     calx.recommend({"thrombs": True})
    ... except calx.CalxError as error:
    ...     print(error)
    thrombs: unknown fact; did you mean 'thrombus'?
    """
