"""Ways to prove who one is: tokens of services, API keys, Airflow's tokens. Each is one module."""
