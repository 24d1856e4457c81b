"""One open VISA session of the simulated backend, and its attributes."""

from dataclasses import dataclass, field
from typing import Any

from pyvisa import attributes, highlevel
from pyvisa.constants import ResourceAttribute

from labsyn.drivers.simulated.instrument import SimulatedInstrument


@dataclass(eq=False)
class Session:
    """One open resource, and the attributes a client has set."""

    name: str
    instrument: SimulatedInstrument
    info: highlevel.ResourceInfo
    set_attributes: dict[ResourceAttribute, Any] = field(default_factory=dict)
    timeout: int = 2000
    termchar: bytes = b"\n"
    termchar_enabled: bool = False

    def attribute(self, name: ResourceAttribute) -> Any:
        """Return what was set, what the resource name says, or the default of VISA."""
        if name in self.set_attributes:
            return self.set_attributes[name]
        from_name = {
            ResourceAttribute.resource_name: self.name,
            ResourceAttribute.resource_class: self.info.resource_class,
            ResourceAttribute.interface_type: self.info.interface_type,
            ResourceAttribute.interface_number: self.info.interface_board_number,
            ResourceAttribute.resource_manufacturer_name: "labsyn",
        }
        if name in from_name:
            return from_name[name]
        known = attributes.AttributesByID.get(name)
        return attributes.NotAvailable if known is None else known.default

    def set_attribute(self, name: ResourceAttribute, value: Any) -> None:
        self.set_attributes[name] = value
        if name == ResourceAttribute.timeout_value:
            self.timeout = int(value)
        elif name == ResourceAttribute.termchar:
            self.termchar = bytes([value])
        elif name == ResourceAttribute.termchar_enabled:
            self.termchar_enabled = bool(value)
