"""TLS on a stream, by OpenSSL through CPython's `_ssl`.

`_ssl` is imported only by runs that need TLS; the `ssl` module above it adds nothing that is needed here and costs more
than a handshake.
"""
