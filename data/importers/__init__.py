"""Readers of other people's files; units and branches are stated, never guessed."""
