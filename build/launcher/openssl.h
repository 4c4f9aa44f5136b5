/* OpenSSL, beyond what CPython's `_ssl` does with it. */
#ifndef OPENSSL_H
#define OPENSSL_H

#include <Python.h>

/* `identify(context, certificates, key) -> bool`: gives a context of `_ssl` a certificate chain and its private key (PKCS #8),
 * both in DER, from memory, because `_ssl` itself takes only files. Returns whether the bytes could be used, whatever they are.
 * OpenSSL checks that the key belongs to the certificate. */
PyObject *use_identity(PyObject *module, PyObject *arguments);

#endif
