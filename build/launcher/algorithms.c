/* The algorithms that OpenSSL's provider offers, without those that no connection can need.
 *
 * When OpenSSL first needs a cipher, it makes a method for every cipher that its provider offers, and so for decoders of keys. There
 * are hundreds of names in all, and that took a quarter of the instructions of a call with TLS. So of the ciphers only those stay
 * that `_ssl` lets a connection use, and those of the random number generator; and a decoder for a key that cannot sign is of no use
 * to a certificate. Whatever is signed or hashed stays as it is.
 */
#include <openssl/core_dispatch.h>
#include <string.h>

extern int __real_ossl_default_provider_init(const OSSL_CORE_HANDLE *, const OSSL_DISPATCH *, const OSSL_DISPATCH **, void **);

enum { MAX_ALGORITHMS = 256, MAX_FUNCTIONS = 32 };

static const char *const ciphers[] = {
    "NULL", "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-128-CBC", "AES-256-CBC", /* of connections */
    "AES-128-CBC-HMAC-SHA1", "AES-256-CBC-HMAC-SHA1", "AES-128-CBC-HMAC-SHA256", "AES-256-CBC-HMAC-SHA256",
    "AES-256-CTR", "AES-256-ECB", /* of the generator of random numbers */
    NULL,
};
static const char *const unsigned_keys[] = {"DH", "DHX", "X25519", "X448", NULL};

static OSSL_FUNC_provider_query_operation_fn *query_all;
static const OSSL_ALGORITHM *some_ciphers, *some_decoders;

/* Whether an algorithm's first name is in a list. Further names follow it after colons. */
static int is_listed(const OSSL_ALGORITHM *algorithm, const char *const *list)
{
    size_t length = strcspn(algorithm->algorithm_names, ":");
    for (; *list; list++)
        if (!strncmp(algorithm->algorithm_names, *list, length) && !(*list)[length])
            return 1;
    return 0;
}

/* Copies the listed algorithms, or all others. If they do not fit, the whole table stays in use. */
static const OSSL_ALGORITHM *keep(const OSSL_ALGORITHM *all, OSSL_ALGORITHM *kept, const char *const *list, int listed)
{
    size_t count = 0;
    for (const OSSL_ALGORITHM *each = all; each && each->algorithm_names; each++)
        if (is_listed(each, list) == listed) {
            if (count == MAX_ALGORITHMS - 1)
                return all;
            kept[count++] = *each;
        }
    return kept;
}

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_store)
{
    const OSSL_ALGORITHM *all = query_all(provider, operation, no_store);
    return operation == OSSL_OP_CIPHER ? some_ciphers : operation == OSSL_OP_DECODER ? some_decoders : all;
}

/* Called once in a process. */
int __wrap_ossl_default_provider_init(
    const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provider)
{
    static OSSL_ALGORITHM kept_ciphers[MAX_ALGORITHMS], kept_decoders[MAX_ALGORITHMS]; /* the last element stays empty */
    static OSSL_DISPATCH functions[MAX_FUNCTIONS];
    if (!__real_ossl_default_provider_init(handle, in, out, provider))
        return 0;
    size_t count = 0;
    for (const OSSL_DISPATCH *each = *out; each->function_id; each++) {
        if (count == MAX_FUNCTIONS - 1)
            return 1; /* with everything that it offers */
        functions[count] = *each;
        if (each->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            query_all = OSSL_FUNC_provider_query_operation(each);
            functions[count].function = (void (*)(void))query;
        }
        count++;
    }
    if (!query_all)
        return 1;
    int no_store;
    some_ciphers = keep(query_all(*provider, OSSL_OP_CIPHER, &no_store), kept_ciphers, ciphers, 1);
    some_decoders = keep(query_all(*provider, OSSL_OP_DECODER, &no_store), kept_decoders, unsigned_keys, 0);
    *out = functions;
    return 1;
}
