"""Header compression, held against python-hyper's `hpack` and the examples of RFC 7541, appendix C.

Not only the fields of each block are compared but the tables after it: a table that went wrong is only seen later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import example, given
from hypothesis import strategies as st

from probe.rpc import huffman
from probe.rpc.hpack import ENTRY_OVERHEAD_BYTES, STATIC, TABLE_BYTES, Decoder, HpackError, encode, integer

Fields = list[tuple[bytes, bytes]]

LONGEST = 65536  # bytes that the fields of a block may come to, on both sides

octets = st.binary(max_size=40)
# Few names and values, so that they repeat and the tables come into play; some static, some too large for a table.
names = st.one_of(st.sampled_from([b":status", b"content-type", b"grpc-status", b"x", b"y", b"n" * 300]), octets)
values = st.one_of(
    st.sampled_from([b"200", b"", b"application/grpc", b"0", b"v" * 100]),
    octets,
    st.integers(0, 5000).map(lambda length: b"long" * (length // 4)),
)
fields = st.tuples(names, values)


def counted(pairs: Sequence[tuple[bytes, bytes]]) -> int:
    """The size of fields as the RFC counts them (4.1)."""
    return sum(len(name) + len(value) + ENTRY_OVERHEAD_BYTES for name, value in pairs)


def assert_same_tables(mine: Decoder, other: hpack.Decoder) -> None:
    """Our table holds the newest last, theirs first."""
    table = other.header_table
    assert mine._entries[::-1] == [(bytes(name), bytes(value)) for name, value in table.dynamic_entries]
    assert mine._size == counted(mine._entries)
    assert mine._limit == table.maxsize


def raw(other: hpack.Decoder, block: bytes) -> Fields | None:
    """Their reading of a block, None where they refuse it."""
    try:
        return [(bytes(name), bytes(value)) for name, value in other.decode(block, raw=True)]
    except hpack.HPACKError:
        return None


class Block(NamedTuple):
    """What an encoder does for one block: new table sizes, then the fields, each perhaps kept out of the tables."""

    sizes: list[int]
    fields: list[tuple[bytes, bytes, bool]]
    huffman: bool


blocks = st.builds(
    Block,
    st.one_of(st.just([]), st.lists(st.integers(0, TABLE_BYTES), max_size=2)),
    st.lists(st.builds(lambda field, sensitive: (*field, sensitive), fields, st.booleans()), max_size=6),
    st.booleans(),
)


@given(st.lists(blocks, max_size=8))
def test_whatever_an_encoder_makes_of_headers_is_read_back(history: list[Block]) -> None:
    encoder, mine, other = hpack.Encoder(), Decoder(LONGEST), hpack.Decoder(LONGEST)
    for block in history * 3:  # a repeated block may be remembered
        for size in block.sizes:
            encoder.header_table_size = size
        encoded = encoder.encode(block.fields, huffman=block.huffman)
        assert list(mine.decode(encoded)) == [(name, value) for name, value, _ in block.fields]
        raw(other, encoded)
        assert_same_tables(mine, other)


@given(st.lists(fields, max_size=8))
def test_what_ours_encodes_is_read_by_others_and_leaves_no_trace_in_their_table(headers: Fields) -> None:
    other = hpack.Decoder(LONGEST)
    assert raw(other, encode(headers)) == headers
    assert not other.header_table.dynamic_entries
    assert list(Decoder(LONGEST).decode(encode(headers))) == headers


@st.composite
def representations(draw: st.DrawFn) -> bytes:
    """Something that looks like a field or a size update, right or wrong."""

    def text() -> bytes:
        content = draw(octets)
        if draw(st.booleans()):
            content = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(content)
            return bytes([0x80 | integer(len(content), 7)[0]]) + integer(len(content), 7)[1:] + content
        return integer(len(content), 7) + content

    kind, prefix = draw(st.sampled_from([(0x80, 7), (0x40, 6), (0x20, 5), (0x10, 4), (0x00, 4)]))
    number = integer(draw(st.one_of(st.integers(0, 70), st.integers(0, 5000))), prefix)
    head = bytes([kind | number[0]]) + number[1:]
    if kind in (0x80, 0x20):
        return head
    return head + (b"" if number[0] else text()) + text()


@given(
    st.lists(st.lists(st.one_of(representations(), representations(), octets), max_size=6).map(b"".join), max_size=5)
)
def test_any_bytes_are_read_as_others_read_them_or_refused(history: list[bytes]) -> None:
    mine, other = Decoder(LONGEST), hpack.Decoder(LONGEST)
    for block in history * 2:
        expected = raw(other, block)
        if expected is None:
            with pytest.raises(HpackError):
                mine.decode(block)
            break
        assert list(mine.decode(block)) == expected
        assert_same_tables(mine, other)


def test_a_repeated_block_is_read_by_the_table_of_its_time() -> None:
    decoder = Decoder(LONGEST)
    newest = bytes([0x80 | 62])
    for name in (b"a", b"b"):
        decoder.decode(b"\x40\1" + name + b"\1x")  # a literal that is added to the table
        assert [decoder.decode(newest) for _ in range(3)] == [((name, b"x"),)] * 3
    decoder.decode(b"\x20")  # a size update, which empties the table
    with pytest.raises(HpackError):
        decoder.decode(newest)


@given(st.binary())
def test_any_bytes_give_fields_within_the_limit_or_a_known_error(block: bytes) -> None:
    decoder = Decoder(200)
    with contextlib.suppress(HpackError):
        assert counted(decoder.decode(block)) <= 200
    assert counted(decoder._entries) == decoder._size <= TABLE_BYTES


@given(st.binary())
@example(b"\xff\xff\xff\xff")
def test_any_bytes_are_huffman_code_or_not_as_others_say(data: bytes) -> None:
    try:
        expected = decode_huffman(data)
    except hpack.HPACKDecodingError:
        with pytest.raises(ValueError, match="Huffman code"):
            huffman.decode(data)
    else:
        assert huffman.decode(data) == expected


@given(st.binary(max_size=300))
@example(bytes(range(256)))
def test_every_text_in_huffman_code_is_read_back(text: bytes) -> None:
    assert huffman.decode(HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)) == text


def test_the_tables_are_those_of_the_rfc() -> None:
    assert [(bytes(name), bytes(value)) for name, value in hpack.table.HeaderTable.STATIC_TABLE] == list(STATIC)
    assert bytes(REQUEST_CODES_LENGTH) == huffman.LENGTHS


# RFC 7541, appendix C: the hex of each block, its fields, and the dynamic table behind it (newest first) with its size.
CUSTOM = (b"custom-key", b"custom-header")
AUTHORITY = (b":authority", b"www.example.com")
NO_CACHE = (b"cache-control", b"no-cache")
CUSTOM_VALUE = (b"custom-key", b"custom-value")
FIRST_REQUEST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), AUTHORITY]
SECOND_REQUEST = [*FIRST_REQUEST, NO_CACHE]
THIRD_REQUEST = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"), AUTHORITY, CUSTOM_VALUE]
DATE_21 = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")
DATE_22 = (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT")
PRIVATE = (b"cache-control", b"private")
LOCATION = (b"location", b"https://www.example.com")
COOKIE = (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
FIRST_RESPONSE = [(b":status", b"302"), PRIVATE, DATE_21, LOCATION]
SECOND_RESPONSE = [(b":status", b"307"), PRIVATE, DATE_21, LOCATION]
THIRD_RESPONSE = [(b":status", b"200"), PRIVATE, DATE_22, LOCATION, (b"content-encoding", b"gzip"), COOKIE]
REQUESTS = [
    (FIRST_REQUEST, [AUTHORITY], 57),
    (SECOND_REQUEST, [NO_CACHE, AUTHORITY], 110),
    (THIRD_REQUEST, [CUSTOM_VALUE, NO_CACHE, AUTHORITY], 164),
]
RESPONSES = [
    (FIRST_RESPONSE, [LOCATION, DATE_21, PRIVATE, (b":status", b"302")], 222),
    (SECOND_RESPONSE, [(b":status", b"307"), LOCATION, DATE_21, PRIVATE], 222),
    (THIRD_RESPONSE, [COOKIE, (b"content-encoding", b"gzip"), DATE_22], 215),
]
# The examples of C.5 and C.6 presume a table of 256 bytes: this update, before their first block, says so.
TABLE_OF_256 = "3fe101"

SECTIONS: dict[str, list[tuple[str, tuple[Fields, Fields, int]]]] = {
    "C.2.1 literal field with indexing": [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", ([CUSTOM], [CUSTOM], 55))
    ],
    "C.2.2 literal field without indexing": [
        ("040c2f73616d706c652f70617468", ([(b":path", b"/sample/path")], [], 0)),
    ],
    "C.2.3 literal field never indexed": [
        ("100870617373776f726406736563726574", ([(b"password", b"secret")], [], 0)),
    ],
    "C.2.4 indexed field": [("82", ([(b":method", b"GET")], [], 0))],
    "C.3 requests without Huffman code": [
        ("828684410f7777772e6578616d706c652e636f6d", REQUESTS[0]),
        ("828684be58086e6f2d6361636865", REQUESTS[1]),
        ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", REQUESTS[2]),
    ],
    "C.4 requests with Huffman code": [
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUESTS[0]),
        ("828684be5886a8eb10649cbf", REQUESTS[1]),
        ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", REQUESTS[2]),
    ],
    "C.5 responses without Huffman code": [
        (
            TABLE_OF_256 + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
            "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            RESPONSES[0],
        ),
        ("4803333037c1c0bf", RESPONSES[1]),
        (
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48"
            "514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
            RESPONSES[2],
        ),
    ],
    "C.6 responses with Huffman code": [
        (
            TABLE_OF_256 + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
            "6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            RESPONSES[0],
        ),
        ("4883640effc1c0bf", RESPONSES[1]),
        (
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f"
            "3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            RESPONSES[2],
        ),
    ],
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_the_rfc(section: str) -> None:
    decoder = Decoder(LONGEST)
    for encoded, (headers, table, size) in SECTIONS[section]:
        assert list(decoder.decode(bytes.fromhex(encoded))) == headers
        assert (decoder._entries[::-1], decoder._size) == (table, size)


@pytest.mark.parametrize(
    ("number", "prefix", "encoded"),
    [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a"), (31, 5, "1f00"), (127, 7, "7f00"), (254, 7, "7f7f")],
    ids=["C.1.1", "C.1.2", "C.1.3", "all ones", "all ones of seven", "the last of two bytes"],
)
def test_integers(number: int, prefix: int, encoded: str) -> None:
    assert integer(number, prefix) == bytes.fromhex(encoded)


REFUSED = {
    "index 0": ("80", "index 0 is not in the table"),
    "an index beyond the tables": ("be", "index 62 is not in the table"),
    "the name of an index beyond the tables": ("7f0000", "index 63 is not in the table"),
    "an index that ends early": ("ff", "truncated integer"),
    "an index that ends early after a byte": ("ff80", "truncated integer"),
    "an index of seven bytes": ("ff808080808001", "integer is too large"),
    "a literal without a name": ("40", "truncated string"),
    "a literal without a value": ("400161", "truncated string"),
    "a name that ends early": ("400261", "truncated string"),
    "a length of seven bytes": ("407f808080808001", "integer is too large"),
    "a size update behind a field": ("8220", "table size update out of place"),
    "a size update beyond what was announced": ("3fe21f", "table size 4097 is too large"),
    "padding of the Huffman code that is not ones": ("008400000000", "Huffman code has malformed padding"),
    "padding of the Huffman code of eight bits": ("0081ff", "Huffman code has malformed padding"),
    "the end of a string in Huffman code": ("0084ffffffff", "Huffman code contains the end of a string"),
}


@pytest.mark.parametrize(("block", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_header_block_is_refused_by_both(block: str, words: str) -> None:
    assert raw(hpack.Decoder(LONGEST), bytes.fromhex(block)) is None
    with pytest.raises(HpackError, match=words):
        Decoder(LONGEST).decode(bytes.fromhex(block))


def test_a_size_update_empties_the_table_and_makes_it_small() -> None:
    decoder = Decoder(LONGEST)
    decoder.decode(bytes.fromhex("400161016240016301644001650166"))
    assert decoder._entries == [(b"a", b"b"), (b"c", b"d"), (b"e", b"f")]
    decoder.decode(integer(34 * 2, 5).replace(b"\x1f", b"\x3f", 1))
    assert decoder._entries == [(b"c", b"d"), (b"e", b"f")]
    decoder.decode(b"\x20")
    assert (decoder._entries, decoder._size) == ([], 0)
    assert list(decoder.decode(bytes.fromhex("4001610162"))) == [(b"a", b"b")]
    assert decoder._entries == []
    assert list(decoder.decode(bytes.fromhex("3fe11f4001610162be"))) == [(b"a", b"b")] * 2, "as large as announced"


def test_a_field_larger_than_the_table_leaves_it_empty() -> None:
    decoder = Decoder(LONGEST)
    decoder.decode(bytes.fromhex("4001610162"))
    decoder.decode(b"\x40\x01a" + integer(TABLE_BYTES, 7) + b"v" * TABLE_BYTES)
    assert (decoder._entries, decoder._size) == ([], 0)


@pytest.mark.parametrize(
    ("length", "fits"), [(100 - ENTRY_OVERHEAD_BYTES - 1, True), (100 - ENTRY_OVERHEAD_BYTES, False)]
)
def test_the_limit_is_exact(length: int, fits: bool) -> None:
    block = encode([(b"n", b"v" * length)])
    assert (raw(hpack.Decoder(100), block) is not None) == fits
    if fits:
        assert len(Decoder(100).decode(block)) == 1
    else:
        with pytest.raises(HpackError, match="header list larger than 100 bytes"):
            Decoder(100).decode(block)


def test_a_small_block_cannot_stand_for_endless_headers() -> None:
    decoder = Decoder(LONGEST)
    decoder.decode(b"\x40\x01n" + integer(4000, 7) + b"v" * 4000)
    with pytest.raises(HpackError, match="header list larger"):
        decoder.decode(b"\xbe" * 17)
