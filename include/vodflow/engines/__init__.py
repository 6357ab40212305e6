"""Engines: who carries a plan out.

Every engine takes the same :class:`~vodflow.contract.plan.TranscodePlan` and makes the same objects below the job's
prefix (:mod:`vodflow.contract.layout`); verification and publication do not know which one worked. See
:mod:`vodflow.contract.engine` for the contract, :mod:`vodflow.engines.local.transcode` for the one of this machine.
"""
