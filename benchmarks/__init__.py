"""Measures Vodflow beside what one would use without it: ``python -m benchmarks`` or ``make bench``.

Each section runs both sides in the same run, alternating, and says what was met and what was missed.
"""
