"""PyVISA finds the simulated bench by this name: ``ResourceManager("@labsyn")``."""

from labsyn.drivers.simulated.backend import LabsynVisaLibrary

WRAPPER_CLASS = LabsynVisaLibrary
