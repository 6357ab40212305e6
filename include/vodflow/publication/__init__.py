"""What the world sees of a published video: ``manifest.json`` and a page that plays it."""
