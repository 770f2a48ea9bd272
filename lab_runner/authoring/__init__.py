"""For authors: everything that can be known of a lab or a scenario without starting it."""
