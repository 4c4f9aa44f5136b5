/* The floor: the least that a process can do to learn a model's state from a gRPC server on this machine.
 *
 *     floor PORT MODEL [CALLS]
 *
 * One connection, one write with the whole request, and reading until the trailers; several calls as the probe makes
 * them, two in flight. It understands nothing of an answer: exit 0 says that there was one to each call. Whatever a
 * probe costs above this is its own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, SETTINGS = 4 };               /* frame types, RFC 9113, section 6 */
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };          /* their flags */
enum { FRAME_HEADER = 9, LONGEST_NAME = 100 };              /* bytes; with that name every length fits into one byte */
enum { MOST_CALLS = 100, MOST_IN_FLIGHT = 2 };              /* the last stream's number fits into one byte */
enum { USAGE = 1, NO_CONNECTION = 2, NO_ANSWER = 3 };

struct bytes {
    size_t length;
    uint8_t content[1024];
};

static void append(struct bytes *to, const void *what, size_t length)
{
    memcpy(to->content + to->length, what, length);
    to->length += length;
}

static void append_frame(struct bytes *to, uint8_t type, uint8_t flags, uint8_t stream, const struct bytes *payload)
{
    uint8_t header[FRAME_HEADER] = {0, payload->length >> 8, payload->length, type, flags, 0, 0, 0, stream};
    append(to, header, sizeof header);
    append(to, payload->content, payload->length);
}

/* A string of HPACK as it is, without Huffman coding: RFC 7541, section 5.2. */
static void append_string(struct bytes *to, const char *text)
{
    uint8_t length = strlen(text);
    append(to, &length, 1);
    append(to, text, length);
}

static void append_field(struct bytes *to, const char *name, const char *value)
{
    append(to, "\0", 1);                                    /* a literal that no table keeps: section 6.2.2 */
    append_string(to, name);
    append_string(to, value);
}

static void append_call(struct bytes *to, const char *model, uint8_t stream)
{
    struct bytes fields = {0}, message = {0};

    append(&fields, "\x83\x86", 2);                         /* :method POST, :scheme http, from the static table */
    append_field(&fields, ":path", "/tensorflow.serving.ModelService/GetModelStatus");
    append_field(&fields, ":authority", "localhost");
    append_field(&fields, "te", "trailers");
    append_field(&fields, "content-type", "application/grpc");
    append_field(&fields, "user-agent", "floor");

    uint8_t length = strlen(model);
    uint8_t prefix[] = {0, 0, 0, 0, length + 4};            /* gRPC's: not compressed, the message's length */
    uint8_t tags[] = {0x0a, length + 2, 0x0a, length};      /* model_spec { name } */
    append(&message, prefix, sizeof prefix);
    append(&message, tags, sizeof tags);
    append(&message, model, length);

    append_frame(to, HEADERS, END_HEADERS, stream, &fields);
    append_frame(to, DATA, END_STREAM, stream, &message);
}

static void send_all(int fd, const struct bytes *what)
{
    if (write(fd, what->content, what->length) != (ssize_t)what->length)
        _exit(NO_ANSWER);
}

static void read_exactly(int fd, uint8_t *to, size_t length)
{
    static uint8_t buffer[16384];
    static size_t begin, end;
    while (length) {
        if (begin == end) {
            ssize_t got = read(fd, buffer, sizeof buffer);
            if (got <= 0)
                _exit(NO_ANSWER);
            begin = 0;
            end = got;
        }
        size_t now = end - begin < length ? end - begin : length;
        memcpy(to, buffer + begin, now);
        begin += now;
        to += now;
        length -= now;
    }
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        _exit(NO_CONNECTION);
    return fd;
}

int main(int argc, char **argv)
{
    int calls = argc == 4 ? atoi(argv[3]) : 1, begun = 0, answered = 0;
    if (argc < 3 || strlen(argv[2]) > LONGEST_NAME || calls < 1 || calls > MOST_CALLS)
        return USAGE;
    int fd = dial(atoi(argv[1]));
    struct bytes ask = {0}, acknowledgement = {0}, nothing = {0};
    append_frame(&acknowledgement, SETTINGS, ACK, 0, &nothing);
    append(&ask, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    append_frame(&ask, SETTINGS, 0, 0, &nothing);
    for (; begun < calls && begun < MOST_IN_FLIGHT; begun++)
        append_call(&ask, argv[2], 2 * begun + 1);
    send_all(fd, &ask);

    for (;;) {
        static uint8_t payload[65536];
        uint8_t header[FRAME_HEADER];
        read_exactly(fd, header, sizeof header);
        size_t length = header[0] << 16 | header[1] << 8 | header[2];
        uint8_t type = header[3], flags = header[4];
        if (length > sizeof payload)
            return NO_ANSWER;
        read_exactly(fd, payload, length);
        if (type == SETTINGS && !(flags & ACK))
            send_all(fd, &acknowledgement);
        if (type != HEADERS || !(flags & END_STREAM))       /* not the trailers */
            continue;
        if (++answered == calls)
            _exit(0);
        if (begun < calls) {
            ask.length = 0;
            append_call(&ask, argv[2], 2 * begun++ + 1);
            send_all(fd, &ask);
        }
    }
}
