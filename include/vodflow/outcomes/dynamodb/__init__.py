"""The catalog's view of each video, kept in a DynamoDB table for other systems. See ``docs/metadata.md``."""
