"""What is done on the bench: PyMeasure procedures and the runner that stores them."""
