"""What a reader of text format has to know about messages, and what it returns."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    Scalar: TypeAlias = "bytes | int"

TEXT, INT64, UINT32, ENUM, MESSAGE, OPAQUE = range(6)  # OPAQUE: a message whose content does not matter


class Field:
    """What the schema says about a field."""

    __slots__ = ("kind", "names", "oneof", "repeated", "schema")

    def __init__(
        self,
        kind: int,
        repeated: bool = False,
        schema: "Schema | None" = None,
        oneof: str = "",
        names: "tuple[bytes, ...]" = (),
    ) -> None:
        """`schema`: of a message. `names`: an enum's, from number 0 on."""
        self.kind: Final = kind
        self.repeated: Final = repeated
        self.schema: Final = schema
        self.oneof: Final = oneof
        self.names: Final = names


class Schema:
    """The fields of a message by name."""

    __slots__ = ("fields", "name")

    def __init__(self, name: str, fields: "dict[bytes, Field]") -> None:
        self.name: Final = name
        self.fields: Final = fields


class Message:
    """The fields of a message in a file, each with the offset of its name, or in a list of its value."""

    __slots__ = ("at", "messages", "scalars", "unknown")

    def __init__(self, at: int) -> None:
        self.at: Final = at
        self.messages: dict[bytes, list[Message]] = {}
        self.scalars: dict[bytes, list[tuple[Scalar, int]]] = {}
        self.unknown: str = ""  # the name of a field that the schema does not have

    def has(self, name: bytes) -> bool:
        """Whether the field counts as set: in proto3 a zero or an empty string does not."""
        return name in self.messages or any(value for value, _ in self.scalars.get(name, ()))

    def text(self, name: bytes) -> bytes:
        """The field's value, empty if it is not set."""
        value = self.scalars[name][-1][0] if name in self.scalars else b""
        return value if isinstance(value, bytes) else b""

    def number(self, name: bytes) -> int:
        """The field's value, 0 if it is not set."""
        value = self.scalars[name][-1][0] if name in self.scalars else 0
        return value if isinstance(value, int) else 0

    def offset(self, name: bytes) -> int:
        """Where the field is, or else the message."""
        return self.scalars[name][-1][1] if name in self.scalars else self.at
