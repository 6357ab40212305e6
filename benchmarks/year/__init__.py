"""A year of a busy catalog, made from a seed: the same rows every time, at any scale.

:mod:`~benchmarks.year.shapes` has what sources and plans look like, :mod:`~benchmarks.year.arrivals` when they come and
what becomes of them, :mod:`~benchmarks.year.histories` every change of a job's status, :mod:`~benchmarks.year.outputs`
what is made; :mod:`~benchmarks.year.loading` puts all of it into PostgreSQL by COPY.
"""
