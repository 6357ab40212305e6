"""How good published outputs are: pictures against their source, sound by itself. Measured after the publication."""
