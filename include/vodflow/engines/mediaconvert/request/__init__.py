"""The CreateJob request of a plan, and its check against AWS's service model. Pure."""
