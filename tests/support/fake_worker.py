"""Stands in for the transcoder's process: does what the job's UserMetadata says, in a few milliseconds."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def write(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(kind, **content):
    write(json.dumps({"type": kind, **content}))


given = json.load(sys.stdin)
job = given["job"]
wanted = job.get("UserMetadata", {})
notes = wanted.get("notes")
if notes:
    with Path(notes).open("a") as file:
        file.write(f"{job['Id']} {os.getpid()} {time.time()}\n")
if "stubborn" in wanted:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "crash" in wanted:
    os.kill(os.getpid(), signal.SIGKILL)
if "crash_once" in wanted and not Path(wanted["crash_once"]).exists():
    Path(wanted["crash_once"]).touch()
    sys.exit(9)
if "nonsense" in wanted:
    write("no JSON at all")
say("information", details=[{"id": 1, "uri": job["Settings"]["Inputs"][0]["FileInput"]}])
say("progress", phase="TRANSCODING", percent=50)
if "warning" in wanted:
    say("warning", code=900001, message="not honoured", path=wanted["warning"])
time.sleep(float(wanted.get("seconds", 0)))
while "until" in wanted and not Path(wanted["until"]).exists():
    time.sleep(0.01)
if "error" in wanted:
    say("failure", code=int(wanted["error"]), message="as asked", path="")
else:
    say(
        "result",
        output_groups=[
            {"OutputDetails": [{"DurationInMs": 2000, "VideoDetails": {"WidthInPx": 64, "HeightInPx": 36}}]}
        ],
        event_groups=[{"type": "FILE_GROUP", "outputDetails": [{"outputFilePaths": ["s3://out/a.mp4"]}]}],
    )
