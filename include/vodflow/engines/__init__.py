"""Engines: who carries a plan out.

Every engine takes the same :class:`~vodflow.planning.plan.TranscodePlan` and makes the same objects below the job's
prefix (:mod:`vodflow.packaging.layout`); verification and publication do not know which one worked. See
:mod:`vodflow.engines.base` for the contract, :mod:`vodflow.engines.local` for the one of this machine.
"""
