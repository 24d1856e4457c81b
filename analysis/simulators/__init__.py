"""A fitted device as the simulators of others want it: one module a simulator."""
