"""What comes out: figures, tables and the self-contained page."""
