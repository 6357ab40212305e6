"""Cluster policies of Airflow; see docs/sensing.md. Airflow imports this module by its name from the plugins folder.

A deployment that has an ``airflow_local_settings`` of its own in ``$AIRFLOW_HOME/config`` calls the functions there.
"""

import sys
import warnings

from vodflow_airflow.preload import forks_tasks, preload_before_fork
from vodflow_airflow.priority import weigh_by_run

__all__ = ["task_instance_mutation_hook"]

task_instance_mutation_hook = weigh_by_run

# Airflow reads .airflowignore files by it, and says so in the log of every task.
warnings.filterwarnings("ignore", message="GitWildMatchPattern", category=DeprecationWarning)

if forks_tasks(sys.argv):
    preload_before_fork()
