"""How people log in to a team's Airflow (its FAB auth manager): with accounts of Airflow's own, or by a Keycloak realm.

Without ``AIRFLOW_KEYCLOAK_REALM`` (the realm's address, such as ``https://login.example.com/realms/media``) accounts
are rows of Airflow's database. With it, and a confidential client of that realm, people log in there; what they may do
follows from their groups at each log-in, and somebody in none of them may do nothing. The client needs a mapper "Group
Membership" that puts ``groups`` into the user info, without full paths.
"""

from __future__ import annotations

import os

from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

_REALM = os.environ.get("AIRFLOW_KEYCLOAK_REALM", "").rstrip("/")

WTF_CSRF_ENABLED = True
AUTH_TYPE = AUTH_OAUTH if _REALM else AUTH_DB
AUTH_ROLES_MAPPING = {
    os.environ.get("AIRFLOW_VIEWERS_GROUP") or "vodflow-viewers": ["Viewer"],
    os.environ.get("AIRFLOW_OPERATORS_GROUP") or "vodflow-operators": ["Op"],
    os.environ.get("AIRFLOW_ADMINS_GROUP") or "vodflow-admins": ["Admin"],
}

if _REALM:
    AUTH_USER_REGISTRATION = True
    AUTH_USER_REGISTRATION_ROLE = "Public"  # of those who are in none of the groups
    AUTH_ROLES_SYNC_AT_LOGIN = True
    OAUTH_PROVIDERS = [
        {
            "name": "keycloak",
            "icon": "fa-key",
            "token_key": "access_token",
            "remote_app": {
                "client_id": os.environ["AIRFLOW_KEYCLOAK_CLIENT_ID"],
                "client_secret": os.environ["AIRFLOW_KEYCLOAK_CLIENT_SECRET"],
                "server_metadata_url": f"{_REALM}/.well-known/openid-configuration",
                "api_base_url": f"{_REALM}/protocol/",
                "client_kwargs": {"scope": "openid email profile", "timeout": 10},
            },
        }
    ]
