"""What is kept, and the words everybody uses: run files, imports, units, errors."""
