"""Kubernetes: a pod of the worker image carries one plan out.

- :mod:`~vodflow.engines.kubernetes.pod` makes the pod of a plan, :mod:`~vodflow.engines.kubernetes.resources` says how
  much it asks for, :mod:`~vodflow.engines.kubernetes.template` merges what an installation wants otherwise;
- :mod:`~vodflow.engines.kubernetes.endings` says how a pod stands, :mod:`~vodflow.engines.kubernetes.failures` what its
  end means, :mod:`~vodflow.engines.kubernetes.refusals` what a refusal of the cluster means,
  :mod:`~vodflow.engines.kubernetes.verdict` why a pod has made nothing, as the cluster tells now;
- :mod:`~vodflow.engines.kubernetes.cluster` and :mod:`~vodflow.engines.kubernetes.watcher` talk to the cluster;
- ``submit``, ``wait`` and ``collect`` are the steps, see :mod:`~vodflow.engines.kubernetes.steps`;
- ``parts``, ``part_pods`` and ``wait_part`` are those of divided plans, see :mod:`~vodflow.engines.kubernetes.parts`.

Pods are plain dicts here, as the API's JSON has them: nothing of a newer Kubernetes is lost on the way.
"""
