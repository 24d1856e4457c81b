"""Switch cards of a 3706A, the names of their relays, and lists of such names.

A matrix crosspoint is SRCC (slot, row, column), a multiplexer channel SCCC, an analog
backplane relay S9BX (bank, relay): 3700A Reference Manual, sections 5, 9 and 13.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.tsp_errors import PARAMETER, TspError

N_SLOTS = 6
_LONGEST_LIST = 10_000  # characters
_SEPARATOR = re.compile(r"[,;]")


@dataclass(frozen=True, kw_only=True)
class Card:
    """One model of switch card.

    Attributes
    ----------
    description : str
        As ``slot[n].idn`` gives it.
    rows, columns : int
        Of a matrix; 0 for a multiplexer.
    n_channels : int
        Of a multiplexer; 0 for a matrix.
    banks : int
        Banks of six analog backplane relays.
    settling_time : float
        Seconds until a relay has moved: a choice near what such relays take.
    max_voltage : int
        In volt.
    """

    description: str
    rows: int = 0
    columns: int = 0
    n_channels: int = 0
    banks: int = 1
    settling_time: float = 4e-3
    max_voltage: int = 300

    @property
    def is_matrix(self) -> bool:
        return self.rows > 0

    def channels(self, slot: int) -> list[str]:
        """Return the names of the channels in `slot`, lowest first."""
        if self.is_matrix:
            rows, columns = range(1, self.rows + 1), range(1, self.columns + 1)
            return [f"{slot}{row}{column:02d}" for row in rows for column in columns]
        return [f"{slot}{channel:03d}" for channel in range(1, self.n_channels + 1)]

    def backplane(self, slot: int) -> list[str]:
        """Return the names of the analog backplane relays in `slot`, lowest first."""
        banks = range(1, self.banks + 1)
        return [f"{slot}9{bank}{relay}" for bank in banks for relay in range(1, 7)]


CARDS = {
    "3720": Card(description="Dual 1x30 Multiplexer", n_channels=60, banks=2),
    "3721": Card(description="Dual 1x20 Multiplexer", n_channels=40, banks=2),
    "3722": Card(description="Dual 1x48 Multiplexer", n_channels=96, banks=2),
    "3730": Card(description="6x16 High Density Matrix", rows=6, columns=16),
    "3731": Card(
        description="6x16 High Speed Reed Matrix",
        rows=6, columns=16, settling_time=0.5e-3, max_voltage=200,
    ),
}  # fmt: skip
"""Cards that can be simulated, by model."""


class Mainframe:
    """The cards in the six slots.

    Parameters
    ----------
    cards : mapping of int to str
        Model by slot.

    Raises
    ------
    ConfigError
        If there is no such slot or card.
    """

    def __init__(self, cards: Mapping[int, str]) -> None:
        for slot, model in cards.items():
            if not 1 <= slot <= N_SLOTS:
                raise ConfigError(f"a 3706A has slots 1 to {N_SLOTS}, not {slot}")
            if model not in CARDS:
                known = ", ".join(CARDS)
                raise ConfigError(f"cannot simulate card {model!r}, known are {known}")
        self.models = dict(sorted(cards.items()))
        self.cards = {slot: CARDS[model] for slot, model in self.models.items()}
        self.channels = {n: card.channels(n) for n, card in self.cards.items()}
        self.backplane = {n: card.backplane(n) for n, card in self.cards.items()}
        self.order = {
            name: place
            for place, name in enumerate(
                name for n in self.cards for name in self.channels[n] + self.backplane[n]
            )
        }

    def is_backplane(self, name: str) -> bool:
        """Tell whether the relay `name` belongs to the analog backplane."""
        return name in self.backplane[int(name[0])]

    def card_of(self, name: str) -> Card:
        """Return the card that carries the relay `name`."""
        return self.cards[int(name[0])]

    def partner(self, name: str) -> str | None:
        """Return the channel that `name` pairs with for four poles, None if it cannot."""
        names = self.channels[int(name[0])]
        if self.card_of(name).is_matrix or name not in names[: len(names) // 2]:
            return None
        return names[names.index(name) + len(names) // 2]

    def sort(self, names: Iterable[str]) -> list[str]:
        """Return `names` by slot, channels before backplane relays."""
        return sorted(names, key=self.order.__getitem__)

    def expand(
        self,
        text: str,
        groups: Mapping[str, list[str]] | None = None,
        *,
        slots: bool = True,
        backplane: bool = True,
    ) -> list[str]:
        """Return the relays that a channel list names, each once, in its order.

        Parameters
        ----------
        text : str
            Items split by ``,`` or ``;``: channels, ranges ``1101:1116``, ``slotX``,
            ``allslots``, backplane relays, and names in `groups`.
        groups : mapping of str to list of str, optional
            Labels and patterns.
        slots, backplane : bool
            Whether whole slots and backplane relays are allowed.

        Raises
        ------
        TspError
            If the list is empty, or an item is not what is allowed.
        """
        if len(text) > _LONGEST_LIST:
            raise TspError(PARAMETER, f"channel list longer than {_LONGEST_LIST} characters")
        found: dict[str, None] = {}
        for part in _SEPARATOR.split(text):
            item = part.strip()
            if not item:
                raise TspError(PARAMETER, "empty item in channel list")
            if groups and item in groups:
                names = groups[item]
            else:
                names = self._item(item, slots=slots, backplane=backplane)
            found.update(dict.fromkeys(names))
        return list(found)

    def _item(self, item: str, *, slots: bool, backplane: bool) -> list[str]:
        if item == "allslots" or re.fullmatch(r"slot[1-6]", item):
            if not slots:
                raise TspError(PARAMETER, f"{item} not allowed here")
            wanted = list(self.cards) if item == "allslots" else [int(item[4])]
            return [name for slot in wanted for name in self._slot(slot, backplane=backplane)]
        if ":" in item:
            return self._range(item, backplane=backplane)
        self._check(item, backplane=backplane)
        return [item]

    def _slot(self, slot: int, *, backplane: bool) -> list[str]:
        if slot not in self.cards:
            raise TspError(PARAMETER, f"slot {slot} is empty")
        return self.channels[slot] + (self.backplane[slot] if backplane else [])

    def _range(self, item: str, *, backplane: bool) -> list[str]:
        first, _, last = (end.strip() for end in item.partition(":"))
        for name in (first, last):
            self._check(name, backplane=backplane)
        for names in (self.channels[int(first[0])], self.backplane[int(first[0])]):
            if first in names and last in names and names.index(first) <= names.index(last):
                return names[names.index(first) : names.index(last) + 1]
        raise TspError(PARAMETER, f"invalid range {item}")

    def _check(self, name: str, *, backplane: bool) -> None:
        if name not in self.order:
            raise TspError(PARAMETER, f"channel {name} does not exist")
        if not backplane and self.is_backplane(name):
            raise TspError(PARAMETER, f"backplane relay {name} not allowed here")
