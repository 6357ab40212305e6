"""What requests and answers hold: pydantic models, one module for each kind of thing."""
