"""The price list is large: it is loaded before the first test, whose time it would take up."""

from hypothesis import settings

from infraprism.pricing import lists

lists.installed()

#: For `test_fuzz.py`: of the size that the promise "no payload raises" is checked by before a release.
settings.register_profile("fuzz", max_examples=100_000, deadline=None)
