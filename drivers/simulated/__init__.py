"""A bench without hardware: instruments on the wire, wiring, and devices under test."""
