"""Finding, starting, filtering, watching and stopping FFmpeg and the programs beside it."""
