"""The engine of this machine: a worker process downloads, encodes with FFmpeg, packages and uploads one plan."""
