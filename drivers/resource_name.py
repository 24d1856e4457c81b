"""VISA resource names: several ways to write one address."""

from pyvisa import rname


def canonical(resource: str) -> str:
    """Return the one form in which addresses are compared.

    >>> canonical("gpib::17") == canonical("GPIB0::17::INSTR")
    True
    """
    upper = resource.upper()
    try:
        return str(rname.ResourceName.from_string(upper)).upper()
    except rname.InvalidResourceName:
        return upper
