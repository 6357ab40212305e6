"""MediaConvert's HTTP API: routes from the service model, one handler for each operation."""
