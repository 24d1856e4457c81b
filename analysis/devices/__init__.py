"""Models of the devices: update laws and the synapse that networks are made of."""
