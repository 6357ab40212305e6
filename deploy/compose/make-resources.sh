#!/bin/sh
# Run by the AWS emulator when it is ready: buckets, queues, notifications and the event rule, each if it is missing.
exec /opt/venv/bin/vodflow init --only aws
