#!/bin/sh
# Write .env for docker-compose.yaml: a copy of env.example with random passwords and keys. Run again at any time:
# what .env says is kept, and only what it lacks is added.
set -eu
umask 077
case ${1-} in
  "") ;;
  -h | --help)
    cat <<'END'
Usage: deploy/compose/make-env.sh    (or: make env)

Writes .env beside docker-compose.yaml: a copy of deploy/compose/env.example with random passwords and keys.
Run it again at any time: what .env says is kept, and only what it lacks is added. Edit .env to change a
setting; docs/configuration.md has them all. Then: docker compose up
END
    exit 0 ;;
  *)
    echo "make-env.sh takes no arguments ($1); --help says what it does." >&2
    exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
env=$(dirname "$(dirname "$here")")/.env

# Random bytes as letters and digits, and as Fernet keys are written (URL-safe base64 of 32 bytes).
random() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'; }

new=$(mktemp "$env.XXXXXX")
trap 'rm -f "$new"' EXIT
if [ -e "$env" ]; then cat "$env" >"$new"; else cat "$here/env.example" >"$new"; fi
if [ -n "$(tail -c 1 "$new")" ]; then echo >>"$new"; fi

names="POSTGRES_PASSWORD AIRFLOW_DB_PASSWORD VODFLOW_DB_PASSWORD VODFLOW_ANALYST_PASSWORD AIRFLOW_ADMIN_PASSWORD \
  AIRFLOW_OPERATOR_PASSWORD AIRFLOW_VIEWER_PASSWORD \
  AIRFLOW_FERNET_KEY AIRFLOW_SESSION_SECRET AIRFLOW_JWT_SECRET REDIS_PASSWORD \
  VODFLOW_SEALING_KEYS VODFLOW_PLAYBACK_KEYS"
# On AWS itself keys are somebody else's; of the services of this machine, earlier versions had placeholders.
if grep -Eq '^COMPOSE_PROFILES=.*local' "$new"; then
  names="$names AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"
  edited=$(sed -E 's/^(AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY))=test$/\1=/
    /^AIRFLOW_CONN_AWS_DEFAULT=/s/"login": "test", "password": "test", //' "$new")
  printf '%s\n' "$edited" >"$new"
fi

for name in $names; do
  if grep -Eq "^$name=.+" "$new"; then continue; fi
  case $name in
    AIRFLOW_FERNET_KEY) value=$(fernet_key) ;;
    VODFLOW_SEALING_KEYS) value="'[\"$(fernet_key)\"]'" ;;
    VODFLOW_PLAYBACK_KEYS) value="'[\"$(random 32)\"]'" ;;
    AIRFLOW_ADMIN_PASSWORD | AIRFLOW_OPERATOR_PASSWORD | AIRFLOW_VIEWER_PASSWORD) value=$(random 12) ;; # people type it
    AWS_ACCESS_KEY_ID) value=AKIA$(random 8 | tr a-f A-F) ;;
    *) value=$(random 32) ;;
  esac
  if grep -q "^$name=" "$new"; then
    edited=$(sed "s|^$name=.*|$name=$value|" "$new")
    printf '%s\n' "$edited" >"$new"
  else
    echo "$name=$value" >>"$new"
  fi
done
chmod 600 "$new"
mv "$new" "$env"
trap - EXIT
echo "$env has every secret. Next: docker compose up"
