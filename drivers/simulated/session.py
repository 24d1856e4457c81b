"""One open VISA session of the simulated backend, and its attributes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pyvisa import attributes, highlevel, rname
from pyvisa.constants import InterfaceType, ResourceAttribute

from labsyn.drivers.simulated.framing import whole_messages
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.locks import ResourceLock

# What a parsed resource name calls the attributes it holds, and how it writes them.
_IN_NAME: dict[ResourceAttribute, tuple[str, type]] = {
    ResourceAttribute.gpib_primary_address: ("primary_address", int),
    ResourceAttribute.gpib_secondary_address: ("secondary_address", int),
    ResourceAttribute.tcpip_address: ("host_address", str),
    ResourceAttribute.tcpip_port: ("port", int),
    ResourceAttribute.tcpip_device_name: ("lan_device_name", str),
    ResourceAttribute.usb_serial_number: ("serial_number", str),
    ResourceAttribute.usb_interface_number: ("usb_interface_number", int),
    ResourceAttribute.manufacturer_id: ("manufacturer_id", int),
    ResourceAttribute.model_code: ("model_code", int),
}


@dataclass(eq=False)
class Session:
    """One open resource, and the attributes a client has set.

    Attributes
    ----------
    manager : int
        The resource manager session it was opened by, and closes with.
    lock : ResourceLock
        Of the resource, shared by all its sessions.
    awaits_service : bool
        Whether service requests are enabled for ``wait_on_event``.
    busy : float
        Seconds that the instrument took over what was written, as of `written`, and that no
        read has waited for yet: they passed on the virtual clock during the write.
    asserts_end : bool
        Whether the last byte of a write ends the message. On a socket and on a serial
        port, or with ``send_end`` off, an LF must.
    """

    name: str
    instrument: SimulatedInstrument
    info: highlevel.ResourceInfo
    manager: int
    lock: ResourceLock
    set_attributes: dict[ResourceAttribute, Any] = field(default_factory=dict)
    timeout: int = 2000
    termchar: bytes = b"\n"
    termchar_enabled: bool = False
    awaits_service: bool = False
    busy: float = 0.0
    written: float = 0.0
    asserts_end: bool = field(init=False)
    _begun: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self.asserts_end = self._has_end_line

    @property
    def _has_end_line(self) -> bool:
        info = self.info
        return info.interface_type != InterfaceType.asrl and info.resource_class != "SOCKET"

    def messages(self, data: bytes) -> Iterable[bytes]:
        """Return the messages that `data` completes."""
        if self.asserts_end and not self._begun:
            return (data,)
        begun = self._begun + data
        whole, self._begun = ([begun], b"") if self.asserts_end else whole_messages(begun)
        return whole

    def note_write(self, started: float, ended: float) -> None:
        """Add what the instrument took over a message; what passed meanwhile is waited for."""
        left = self.busy - (started - self.written) if self.busy else 0.0
        self.busy, self.written = max(left, 0.0) + ended - started, ended

    def has_patience(self, now: float) -> bool:
        """Tell whether the time-out covers what the instrument still needs for its answer.

        If not, the time-out is waited for, and the next read waits for the rest. A time-out
        of zero takes what is there.
        """
        left = self.busy - (now - self.written)
        patience = self.timeout / 1000
        self.busy, self.written = 0.0, now
        if not 0 < patience < left:
            return True
        self.busy = left - patience
        return False

    def begin_anew(self) -> None:
        """Forget a message that has no end yet (device clear)."""
        self._begun, self.busy = b"", 0.0

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
            ResourceAttribute.resource_lock_state: self.lock.state,
        }
        if name in from_name:
            return from_name[name]
        if name in _IN_NAME:
            part, kind = _IN_NAME[name]
            text = getattr(rname.ResourceName.from_string(self.name), part, None)
            if text is not None:
                return int(text, 0) if kind is int else text
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
        elif name == ResourceAttribute.send_end_enabled:
            self.asserts_end = bool(value) and self._has_end_line
