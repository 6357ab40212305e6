#!/bin/sh
# Write .env for docker-compose.yaml: a copy of env.example with random passwords and keys. Run again at any time:
# what .env says is kept, and only what it lacks is added.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
env=$(dirname "$(dirname "$here")")/.env

# Random bytes as letters and digits, and as Fernet keys are written (URL-safe base64 of 32 bytes).
random() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'; }

new=$(mktemp "$env.XXXXXX")
trap 'rm -f "$new"' EXIT
if [ -e "$env" ]; then cat "$env" >"$new"; else cat "$here/env.example" >"$new"; fi
if [ -n "$(tail -c 1 "$new")" ]; then echo >>"$new"; fi

for name in POSTGRES_PASSWORD AIRFLOW_DB_PASSWORD VODFLOW_DB_PASSWORD AIRFLOW_ADMIN_PASSWORD \
  AIRFLOW_FERNET_KEY AIRFLOW_SESSION_SECRET AIRFLOW_JWT_SECRET; do
  if grep -Eq "^$name=.+" "$new"; then continue; fi
  case $name in
    AIRFLOW_FERNET_KEY) value=$(fernet_key) ;;
    AIRFLOW_ADMIN_PASSWORD) value=$(random 12) ;; # people type it
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
