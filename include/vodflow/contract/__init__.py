"""What every part agrees on: plan, result, output layout, media facts and the names of engines. Imports only errors."""
