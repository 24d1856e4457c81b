"""Networks made of the measured device: weight transfer, Hopfield memory, attractor."""
