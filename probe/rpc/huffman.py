"""The Huffman code of HPACK (RFC 7541, 5.2 and appendix B).

The code is canonical: codes of one length are consecutive, in the order of their symbols, and begin where the shorter
ones end. So the lengths are the whole table.
"""

# The code length in bits of each symbol 0-255, and of the end of a string (256).
LENGTHS = bytes.fromhex(
    "0d17 1c1c 1c1c 1c1c 1c18 1e1c 1c1e 1c1c 1c1c 1c1c 1c1c 1e1c 1c1c 1c1c 1c1c 1c1c"
    "060a 0a0c 0d06 080b 0a0a 080b 0806 0606 0505 0506 0606 0606 0606 0708 0f06 0c0a"
    "0d06 0707 0707 0707 0707 0707 0707 0707 0707 0707 0707 0707 0807 080d 130d 0e06"
    "0f05 0605 0605 0606 0605 0707 0606 0605 0607 0605 0506 0707 0707 070f 0b0e 0d1c"
    "1416 1414 1616 1617 1617 1717 1717 1817 1818 1617 1817 1717 1715 1617 1617 1718"
    "1615 1416 1617 1715 1716 1618 1516 1717 1515 1615 1716 1717 1416 1616 1716 1617"
    "1a1a 1413 1617 1619 1a1a 1a1b 1b1a 1819 1315 1a1b 1b1a 1b18 1515 1a1a 1c1b 1b1b"
    "1418 1415 1615 1517 1616 1919 1818 1a17 1a1b 1a1a 1b1b 1b1b 1b1c 1b1b 1b1b 1b1a"
    "1e"
)
END_OF_STRING = 256


def _codes() -> "dict[tuple[int, int], int]":
    """(bits, code) -> symbol."""
    table: dict[tuple[int, int], int] = {}
    code = 0
    for bits in range(5, 31):
        for symbol, length in enumerate(LENGTHS):
            if length == bits:
                table[bits, code] = symbol
                code += 1
        code <<= 1
    return table


_TABLE = _codes()


def decode(data: bytes) -> bytes:
    """The decoded string. Raises ValueError for malformed padding and for an encoded end of string."""
    out = bytearray()
    code = bits = 0
    for byte in data:
        for shift in (7, 6, 5, 4, 3, 2, 1, 0):
            code = code << 1 | byte >> shift & 1
            bits += 1
            symbol = _TABLE.get((bits, code))
            if symbol is None:
                continue
            if symbol == END_OF_STRING:
                raise ValueError("Huffman code contains the end of a string")
            out.append(symbol)
            code = bits = 0
    # 5.2: the padding is the first bits of the end of a string: ones, fewer than eight.
    if bits > 7 or code != (1 << bits) - 1:
        raise ValueError("Huffman code has malformed padding")
    return bytes(out)
