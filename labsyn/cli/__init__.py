"""The command line: one verb a module, heavy imports inside the verbs."""
