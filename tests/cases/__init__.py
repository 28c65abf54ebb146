"""Cases of exports as they come (tests/cases/exports) and the test that runs them."""
