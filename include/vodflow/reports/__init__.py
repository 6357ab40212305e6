"""Tables for analysts, recomputed a day at a time, and their exports."""
