"""Which addresses may users make us connect to, and how much may what they send unpack to?"""

import gzip
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from headwater.domain.errors import Refused
from headwater.runtime.outbound import (
    ForbiddenAddress,
    HttpOutbound,
    NotFetched,
    Unpacker,
    _filename,
    _target,
    is_public,
)
from headwater.runtime.settings import OutboundSettings, load

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)


@pytest.mark.parametrize(
    "text",
    [
        *("8.8.8.8", "93.184.216.34", "100.63.255.255", "172.15.0.1", "172.32.0.1", "192.0.1.1"),
        *("2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
    ],
)
def test_public_addresses_may_be_fetched_from(text):
    """Also as IPv6 addresses that stand for public IPv4 addresses."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *(
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
        ),
        *("203.0.113.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:c0a8:101::1"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo for 192.0.2.45
        *("100::1", "5f00::1", "4000::1"),
    ],
)
def test_other_addresses_are_forbidden(text):
    """Private, loopback, link-local, shared, multicast, reserved, unspecified; wrapped in IPv6 as well."""
    assert not is_public(ip_address(text))


@given(v4)
def test_an_address_is_judged_alike_however_it_is_wrapped(address):
    """Mapped, NAT64 and 6to4 lead to the same machine."""
    number = int(address)
    wrapped = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
    ]

    assert {is_public(one) for one in wrapped} == {is_public(address)}


@given(st.one_of(v4, v6))
def test_what_the_standard_library_calls_special_is_never_public(address):
    """Ours is the stricter of both."""
    plain = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    special = (
        *(plain.is_private, plain.is_loopback, plain.is_link_local),
        *(plain.is_multicast, plain.is_unspecified, plain.is_reserved),
    )
    if address in IPv6Network("2001::/32") or address in IPv6Network("64:ff9b::/96"):
        return  # stand for another address

    assert not (is_public(address) and any(special))


@given(st.one_of(v4, v6), st.integers(0, 32))
def test_an_allowed_network_lets_its_addresses_through(address, prefix):
    """Whatever they are; and allowing never forbids."""
    network = (
        IPv4Network((int(address), prefix), strict=False)
        if isinstance(address, IPv4Address)
        else IPv6Network((int(address), prefix + 64), strict=False)
    )
    embedded = isinstance(address, IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address in IPv6Network("64:ff9b::/96")
    )

    assert embedded or is_public(address, (network,))
    assert is_public(address, (IPv4Network("127.0.0.0/8"),)) >= is_public(address)


def test_an_allowed_network_counts_for_wrapped_addresses():
    """A mapped address is the address that it stands for."""
    assert is_public(IPv6Address("::ffff:127.0.0.1"), (IPv4Network("127.0.0.0/8"),))


def test_no_network_is_allowed_by_default():
    """An operator has to say so."""
    settings = load(OutboundSettings, {})

    assert settings.networks == ()


def test_allowed_networks_are_read():
    """Of both families."""
    settings = load(OutboundSettings, {"HEADWATER_OUTBOUND_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8"})

    assert settings.networks == (IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8"))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "somewhere", "10.0.0.0/40"])
def test_a_network_that_is_none_is_a_bad_setting(text):
    """Said at start-up, with the variable's name."""
    with pytest.raises(Exception, match="HEADWATER_OUTBOUND_ALLOWED_NETWORKS"):
        load(OutboundSettings, {"HEADWATER_OUTBOUND_ALLOWED_NETWORKS": text})


@given(st.binary(max_size=5_000), st.integers(1, 6_000), st.integers(1, 200))
def test_unpacking_gives_what_was_packed_up_to_the_limit(content, limit, piece):
    """However it is cut into pieces; never more than was asked for."""
    packed, unpacker, found = gzip.compress(content), Unpacker(), b""
    for start in range(0, len(packed), piece):
        if len(found) < limit:
            found += unpacker.unpack(packed[start : start + piece], limit - len(found))

    assert found == content[:limit]
    assert unpacker.is_complete or len(content) >= limit


@given(st.binary(min_size=1, max_size=300))
def test_what_is_not_packed_is_refused(content):
    """An error of the other side, not of ours."""
    unpacker = Unpacker()
    try:
        unpacker.unpack(content, 1000)
    except NotFetched:
        return
    assert not unpacker.is_complete


def test_bytes_after_the_end_are_refused():
    """Nobody knows what they are."""
    with pytest.raises(NotFetched, match="after its end"):
        Unpacker().unpack(gzip.compress(b"a") + b"more", 1000)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", "end.jpg"),
        ("inline", "end.jpg"),
        ("attachment; filename=cat.jpg", "cat.jpg"),
        ('attachment; filename="a cat.jpg"; x=1', "a cat.jpg"),
        ("attachment; filename=a; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("attachment; filename*=utf-8'en'caf%C3%A9; filename=a", "café"),
        ("attachment; filename*=UTF-8''%ff%fe", "\ufffd\ufffd"),
    ],
)
def test_a_name_is_taken_from_the_header_or_the_address(header, name):
    """The one in UTF-8 counts before the plain one."""
    assert _filename(header, URL("http://example.org/some/end.jpg?x=1")) == name


@given(st.text(max_size=200).filter(lambda text: not set("\r\n") & set(text)))
def test_any_header_gives_a_name(header):
    """Servers send anything."""
    assert isinstance(_filename(header, URL("http://example.org/")), str)
    assert isinstance(_filename(f"attachment; filename*={header}", URL("http://example.org/")), str)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://example.org/x", ForbiddenAddress),
        ("file:///etc/passwd", ForbiddenAddress),
        ("gopher://127.0.0.1:6379/_x", ForbiddenAddress),
        ("data:text/plain,x", ForbiddenAddress),
        ("//example.org/x", ForbiddenAddress),
        ("x", ForbiddenAddress),
        ("", ForbiddenAddress),
        ("http://", ForbiddenAddress),
        ("http://example.org:99999/", NotFetched),
        ("http://[::1/", NotFetched),
        ("https://example.org/" + "x" * 8_000, NotFetched),
    ],
)
async def test_what_is_no_address_of_the_web_is_refused_before_anything_is_asked(url, error):
    """No name is looked up, no connection opened: the client was not even started."""
    with pytest.raises(error):
        await HttpOutbound(OutboundSettings()).fetch(url, max_bytes=1, timeout_s=1)


@given(st.sampled_from(["", "http://", "https://", "http://[", "//", "http://a:"]), st.text(max_size=60))
async def test_any_text_is_an_address_or_refused(start, text):
    """With a sentence that can be sent; an address of the web comes as far as the client."""
    with pytest.raises((Refused, AssertionError)) as caught:
        await HttpOutbound(OutboundSettings()).fetch(start + text, max_bytes=1, timeout_s=1)

    assert str(caught.value).encode()


def test_a_redirect_never_leads_from_https_to_http():
    """What was asked for in private stays so; the other way round is fine."""
    with pytest.raises(ForbiddenAddress, match="from https to http"):
        _target(URL("https://a.org/x"), "http://a.org/y")

    assert _target(URL("http://a.org/x"), "https://b.org/y") == URL("https://b.org/y")
    assert _target(URL("https://a.org/x"), "//b.org/y") == URL("https://b.org/y")
