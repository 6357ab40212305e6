"""Session fixtures for every test: real PostgreSQL, real S3 and SQS, an Airflow metadata database.

Pytest loads these modules before any test module, so Airflow finds its environment set when it is first imported.
"""

pytest_plugins = [
    "fixtures.airflow",
    "fixtures.aws",
    "fixtures.golden",
    "fixtures.parts",
    "fixtures.postgres",
    "fixtures.stack",
]
