/* OpenSSL, beyond what CPython's `_ssl` does with it. See openssl.h. */
#define PY_SSIZE_T_CLEAN
#include "openssl.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

extern SSL_CTX *__real_SSL_CTX_new(const SSL_METHOD *);

/* Initialises OpenSSL when it is first used. By default it reads openssl.cnf, and the container's may name providers that a
 * static library cannot load. Its tables of error texts and of cipher names stay empty, because nothing reads them here. */
SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method)
{
    const uint64_t without = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS;
    OPENSSL_init_ssl(without | OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
    return __real_SSL_CTX_new(method);
}

/* The beginning of `_ssl._SSLContext`. */
struct context {
    PyObject_HEAD
    SSL_CTX *made;
};

PyObject *use_identity(PyObject *module, PyObject *arguments)
{
    struct context *context;
    const unsigned char *certificates, *key;
    Py_ssize_t certificates_length, key_length;
    if (!PyArg_ParseTuple(arguments, "Oy#y#", &context, &certificates, &certificates_length, &key, &key_length))
        return NULL;
    if (strcmp(Py_TYPE(context)->tp_name, "_ssl._SSLContext"))
        return PyErr_Format(PyExc_TypeError, "the first argument must be a context of _ssl");
    const unsigned char *end = certificates + certificates_length;
    X509 *own = d2i_X509(NULL, &certificates, (long)certificates_length), *next = own;
    STACK_OF(X509) *others = sk_X509_new_null();
    while (next && others && certificates < end) {
        next = d2i_X509(NULL, &certificates, (long)(end - certificates));
        if (next && !sk_X509_push(others, next)) {
            X509_free(next);
            next = NULL;
        }
    }
    PKCS8_PRIV_KEY_INFO *packed = d2i_PKCS8_PRIV_KEY_INFO(NULL, &key, (long)key_length);
    EVP_PKEY *private_key = packed ? EVP_PKCS82PKEY(packed) : NULL;
    int used = next && others && private_key && SSL_CTX_use_cert_and_key(context->made, own, private_key, others, 1) == 1;
    PKCS8_PRIV_KEY_INFO_free(packed);
    EVP_PKEY_free(private_key);
    sk_X509_pop_free(others, X509_free);
    X509_free(own);
    ERR_clear_error();
    return PyBool_FromLong(used);
}
