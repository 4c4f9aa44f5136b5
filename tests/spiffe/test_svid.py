"""X.509-SVIDs: the ID in a certificate, and the messages of the Workload API, on good bytes and on any bytes."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.protobuf import WireError
from probe.spiffe.messages import decode_svid
from probe.spiffe.svid import MAX_ID_BYTES, MAX_VALUES, spiffe_id, split, trust_domain
from tests.support.spiffe_authority import authority

OURS = "ours.test"


# Names.

GOOD = {
    "spiffe://a": "a",
    "spiffe://ours.test/serving": "ours.test",
    "spiffe://a-b_c.9/A/b.c/-/_/...": "a-b_c.9",
    "spiffe://a/" + "b" * (MAX_ID_BYTES - 11): "a",
}
BAD = [
    "",
    "spiffe:/a",
    "SPIFFE://a",
    "https://a/b",
    "spiffe://",
    "spiffe:///a",
    "spiffe://A",
    "spiffe://a:1",
    "spiffe://a@b",
    "spiffe://a%41",
    "spiffe://a?b",
    "spiffe://a#b",
    "spiffe://ä",
    "spiffe://a\0",
    "spiffe://a/",
    "spiffe://a//b",
    "spiffe://a/b/",
    "spiffe://a/.",
    "spiffe://a/../b",
    "spiffe://a/b?c",
    "spiffe://a/%41",
    "spiffe://a/ä",
    "spiffe://a/\x1b[2J",
    "spiffe://a/" + "b" * (MAX_ID_BYTES - 10),
]


@pytest.mark.parametrize("name", GOOD)
def test_names(name: str) -> None:
    assert trust_domain(name) == GOOD[name]


@pytest.mark.parametrize("name", BAD)
def test_malformed_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        trust_domain(name)


@given(st.text())
def test_errors_quote_nothing_of_the_name(name: str) -> None:
    """It would have to be escaped."""
    for given_name in (name, f"spiffe://{name}", f"spiffe://a/{name}"):
        try:
            assert given_name.startswith("spiffe://" + trust_domain(given_name))
        except ValueError as error:
            assert str(error).isascii()
            assert len(str(error)) < 100


# Certificates.


@given(st.binary())
def test_any_bytes_are_not_a_certificate(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        spiffe_id(data)


DER = authority(OURS).identity("/probe").der


def test_a_certificate() -> None:
    assert spiffe_id(DER) == f"spiffe://{OURS}/probe"


def test_a_certificate_that_ends_anywhere() -> None:
    for size in range(len(DER)):
        with pytest.raises(ValueError, match=r"."):
            spiffe_id(DER[:size])


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_a_damaged_certificate_has_an_id_or_none(at: int, byte: int) -> None:
    try:
        assert spiffe_id(DER[:at] + bytes((byte,)) + DER[at + 1 :]).startswith("spiffe://")
    except ValueError:
        pass


@given(st.binary())
def test_splitting_loses_nothing(data: bytes) -> None:
    try:
        assert b"".join(split(data)) == data
    except ValueError:
        pass


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_what_was_joined_is_split(contents: list[bytes]) -> None:
    values = [b"\x30" + length(len(content)) + content for content in contents]
    assert split(b"".join(values)) == values


def length(size: int) -> bytes:
    """A definite length (X.690, 8.1.3)."""
    if size < 128:
        return bytes((size,))
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(digits),)) + digits


@pytest.mark.parametrize(
    "data", [b"\x30", b"\x30\x80", b"\x30\x80\0\0", b"\x30\x81", b"\x30\x84\xff\xff\xff\xff", b"\x30\xff", b"\x30\1"]
)
def test_lengths_that_lie(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        split(data)


def test_values_in_a_row_are_bounded() -> None:
    assert len(split(b"\x05\x00" * MAX_VALUES)) == MAX_VALUES
    with pytest.raises(ValueError, match=str(MAX_VALUES)):
        split(b"\x05\x00" * (MAX_VALUES + 1))


# The Workload API's messages, as protobuf has them. (Its workload.proto, as far as it is in use.)


def schema() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="workload.proto", syntax="proto3")
    kind = descriptor_pb2.FieldDescriptorProto
    svid = file.message_type.add(name="X509SVID")
    for number, (name, is_text) in enumerate(
        (("spiffe_id", True), ("x509_svid", False), ("x509_svid_key", False), ("bundle", False), ("hint", True)), 1
    ):
        type_ = kind.TYPE_STRING if is_text else kind.TYPE_BYTES
        svid.field.add(name=name, number=number, type=type_, label=kind.LABEL_OPTIONAL)
    response = file.message_type.add(name="X509SVIDResponse")
    entry = response.nested_type.add(name="FederatedBundlesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=kind.TYPE_BYTES, label=kind.LABEL_OPTIONAL)
    repeated = kind.LABEL_REPEATED
    response.field.add(name="svids", number=1, type=kind.TYPE_MESSAGE, type_name=".X509SVID", label=repeated)
    response.field.add(name="crl", number=2, type=kind.TYPE_BYTES, label=repeated)
    entries = ".X509SVIDResponse.FederatedBundlesEntry"
    response.field.add(name="federated_bundles", number=3, type=kind.TYPE_MESSAGE, type_name=entries, label=repeated)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClassesForFiles(["workload.proto"], pool)


SCHEMA = schema()
Known = tuple[str, bytes, bytes, bytes, dict[str, bytes]]


def ours(data: bytes) -> Known | str | None:
    """The first identity and all bundles but its own, the last of a name counting; or why not."""
    try:
        found = decode_svid(data)
    except WireError:
        return "refused"
    if found is None:
        return None
    return found.spiffe_id, found.certificates, found.key, found.bundle, dict(found.federated)


def theirs(data: bytes) -> Known | str | None:
    try:
        found = SCHEMA["X509SVIDResponse"].FromString(data)
    except DecodeError:
        return "refused"
    svids, bundles = found.svids, found.federated_bundles  # type: ignore[attr-defined]
    if not svids:
        return None
    first = svids[0]
    others = {other.spiffe_id: other.bundle for other in svids[1:]} | dict(bundles)
    return first.spiffe_id, first.x509_svid, first.x509_svid_key, first.bundle, others


@given(
    st.lists(st.tuples(st.text(), st.binary(), st.binary(), st.binary(), st.text()), max_size=3),
    st.dictionaries(st.text(), st.binary(), max_size=3),
)
def test_what_protobuf_serializes(svids: list[tuple[str, bytes, bytes, bytes, str]], bundles: dict[str, bytes]) -> None:
    message = SCHEMA["X509SVIDResponse"](
        svids=[
            SCHEMA["X509SVID"](spiffe_id=name, x509_svid=chain, x509_svid_key=key, bundle=bundle, hint=hint)
            for name, chain, key, bundle, hint in svids
        ],
        federated_bundles=bundles,
    )
    data = message.SerializeToString()
    assert ours(data) == theirs(data)
    assert (ours(data) is None) == (not svids)


def field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + length_varint(len(content)) + content


def length_varint(size: int) -> bytes:
    return bytes((size,)) if size < 128 else bytes((size & 127 | 128,)) + length_varint(size >> 7)


pieces = st.one_of(
    st.binary(max_size=8),
    st.builds(field, st.integers(1, 6), st.binary(max_size=8)),
    st.builds(lambda number, inner: field(number, b"".join(inner)), st.integers(1, 4), st.lists(
        st.builds(field, st.integers(1, 6), st.one_of(st.binary(max_size=4), st.text(max_size=4).map(str.encode))),
        max_size=5,
    )),
)  # fmt: skip


@given(st.lists(pieces, max_size=6).map(b"".join))
def test_any_bytes_mean_what_protobuf_says_or_are_refused(data: bytes) -> None:
    they = theirs(data)
    if they == "refused":
        # Ours looks into nothing that it does not want, and a field of an unexpected type is an unknown one to both.
        ours(data)
    else:
        assert ours(data) == they


@given(st.binary())
def test_any_bytes_are_an_answer_or_a_wire_error(data: bytes) -> None:
    ours(data)
