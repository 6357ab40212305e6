"""Stands in for the local MediaConvert's worker: transcodes nothing, and takes as long as the job's metadata says."""

import json
import sys
import time
from pathlib import Path


def say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


metadata = json.load(sys.stdin)["job"].get("UserMetadata", {})
say(type="progress", phase="PROBING", percent=100)
say(type="progress", phase="TRANSCODING", percent=50)
time.sleep(float(metadata.get("seconds", "0")))
while "until" in metadata and not Path(metadata["until"]).exists():
    time.sleep(0.05)
if "code" in metadata:
    say(type="failure", code=int(metadata["code"]), message="As asked", path="")
else:
    say(type="progress", phase="UPLOADING", percent=100)
    say(type="result", output_groups=[{"OutputDetails": [{"DurationInMs": 1000}]}], event_groups=[])
