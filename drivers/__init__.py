"""What is on the bench: instruments real and simulated, roles, limits, safe state, clock."""
