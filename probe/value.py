"""The base class of the program's values.

A value is a plain class with `__slots__`: importing `dataclasses` would cost more than a whole call. Attributes are
declared `Final`, so mypy rejects any assignment after `__init__`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T", bound="Value")


class Value:
    """Compares, hashes and prints by the attributes that `__slots__` names.

    Attributes listed in `_hidden` hold secrets; `repr` masks them.
    """

    __slots__: "tuple[str, ...]" = ()
    _hidden: "tuple[str, ...]" = ()

    def copy(self: "T", **changes: "Any") -> "T":
        """The same value, with other values for some of its attributes, which `__init__` takes by the same names."""
        return type(self)(**({name: getattr(self, name) for name in self.__slots__} | changes))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.__slots__)))

    def __repr__(self) -> str:
        shown = (f"{name}={'***' if name in self._hidden else repr(getattr(self, name))}" for name in self.__slots__)
        return f"{type(self).__name__}({', '.join(shown)})"
