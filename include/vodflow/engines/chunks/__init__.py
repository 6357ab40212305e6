"""Encoding a plan in parts: rungs or stretches of time side by side, the sound once, joined without encoding again."""
