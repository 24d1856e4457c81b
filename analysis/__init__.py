"""What a measurement means: device models, fits and metrics, each with its uncertainty."""
