"""Which values of a JSON text are wanted: paths such as `.versions[].state`, as a tree."""

from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

ITEM = None  # the key of an array's items


class Container(Value):
    """Stands for an object or an array, whose members are reported before it."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind: Final = kind


OBJECT, ARRAY = Container("object"), Container("array")


class Node:
    """A value that is wanted, or that leads to wanted ones."""

    __slots__ = ("children", "path")

    def __init__(self) -> None:
        self.path: str | None = None  # None: not wanted itself
        self.children: dict[str | None, Node] = {}


def tree(paths: "Iterable[str]") -> Node:
    """The root of the wanted values; the empty path is the whole text."""
    root = Node()
    for path in paths:
        node = root
        for key in path.replace("[]", ".[]").split(".")[1:]:
            node = node.children.setdefault(ITEM if key == "[]" else key, Node())
        node.path = path
    return root
