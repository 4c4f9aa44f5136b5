/* A server that replays answers: what it costs is next to nothing, so that what is measured is the program that asks.
 *
 *     replay STATUS METADATA REST
 *
 * The files hold the messages that answer GetModelStatus and GetModelMetadata, and the whole HTTP/1.1 answer of a GET.
 * It prints its port, and serves one connection after the other. gRPC's frames are those of a real TensorFlow Serving:
 * the first answer on a connection names its headers, later ones have them from HPACK's dynamic table.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1 };                             /* frame types, RFC 9113, section 6 */
enum { END_STREAM = 1, END_HEADERS = 4 };                   /* their flags */
enum { FRAME_HEADER = 9, MESSAGE_PREFIX = 5, PREFACE = 24 };  /* bytes */

struct bytes {
    size_t length;
    uint8_t content[32768];
};

#define LITERAL(to, text) append(to, text, sizeof text - 1)

/* SETTINGS, WINDOW_UPDATE and PING, as the real server sends them when a connection begins, and its acknowledgement. */
#define GREETING \
    "\0\0\x18\x04\0\0\0\0\0" "\0\x04\0\x40\0\0" "\0\x05\0\x40\0\0" "\0\x06\0\0\x20\0" "\xfe\x03\0\0\0\x01" \
    "\0\0\x04\x08\0\0\0\0\0" "\0\x3f\0\x01" \
    "\0\0\x08\x06\0\0\0\0\0" "\0\0\0\0\0\0\0\0"
#define ACKNOWLEDGEMENT "\0\0\0\x04\x01\0\0\0\0"
/* :status 200; then literals that the dynamic table keeps, and the same out of that table. */
#define FIRST_HEADERS \
    "\x88" "\x40\x0c" "content-type" "\x10" "application/grpc" \
    "\x40\x14" "grpc-accept-encoding" "\x15" "identity,deflate,gzip" "\x40\x0f" "accept-encoding" "\x0d" "identity,gzip"
#define LATER_HEADERS "\x88\xc1\xc0\xbf"
#define FIRST_TRAILERS "\x40\x0b" "grpc-status" "\x01" "0"
#define LATER_TRAILERS "\xbe"

static struct bytes status, metadata, rest;

static void append(struct bytes *to, const void *what, size_t length)
{
    memcpy(to->content + to->length, what, length);
    to->length += length;
}

static void append_frame_header(struct bytes *to, size_t length, uint8_t type, uint8_t flags, const uint8_t *stream)
{
    uint8_t header[FRAME_HEADER] = {length >> 16, length >> 8, length, type, flags};
    memcpy(header + 5, stream, 4);
    append(to, header, sizeof header);
}

static void append_answer(struct bytes *to, const struct bytes *message, const uint8_t *stream, int first)
{
    uint8_t prefix[MESSAGE_PREFIX] = {0, 0, 0, message->length >> 8, message->length};
    append_frame_header(to, first ? sizeof FIRST_HEADERS - 1 : sizeof LATER_HEADERS - 1, HEADERS, END_HEADERS, stream);
    if (first)
        LITERAL(to, FIRST_HEADERS);
    else
        LITERAL(to, LATER_HEADERS);
    append_frame_header(to, sizeof prefix + message->length, DATA, 0, stream);
    append(to, prefix, sizeof prefix);
    append(to, message->content, message->length);
    append_frame_header(to, first ? sizeof FIRST_TRAILERS - 1 : sizeof LATER_TRAILERS - 1, HEADERS,
                        END_HEADERS | END_STREAM, stream);
    if (first)
        LITERAL(to, FIRST_TRAILERS);
    else
        LITERAL(to, LATER_TRAILERS);
}

static int send_all(int fd, const struct bytes *what)
{
    return write(fd, what->content, what->length) == (ssize_t)what->length;
}

/* Answers each request in what was received; returns how much of it was whole frames. */
static size_t answer(int fd, const struct bytes *in, int *answered)
{
    static struct bytes out;
    size_t at = 0;
    out.length = 0;
    while (in->length - at >= FRAME_HEADER) {
        const uint8_t *frame = in->content + at;
        size_t length = frame[0] << 16 | frame[1] << 8 | frame[2];
        if (in->length - at < FRAME_HEADER + length)
            break;
        at += FRAME_HEADER + length;
        if (frame[3] != DATA || !(frame[4] & END_STREAM))
            continue;
        int is_metadata = memmem(frame + FRAME_HEADER, length, "signature_def", 13) != NULL;
        if (!*answered)
            LITERAL(&out, ACKNOWLEDGEMENT);
        append_answer(&out, is_metadata ? &metadata : &status, frame + 5, !*answered);
        *answered = 1;
    }
    if (out.length && !send_all(fd, &out))
        return 0;
    return at;
}

static void serve(int fd)
{
    static struct bytes in, greeting;
    int answered = 0, greeted = 0;
    in.length = greeting.length = 0;
    LITERAL(&greeting, GREETING);
    for (;;) {
        ssize_t got = read(fd, in.content + in.length, sizeof in.content - in.length);
        if (got <= 0)
            return;
        in.length += got;
        if (in.length >= 4 && memcmp(in.content, "GET ", 4) == 0 && !greeted) {
            if (memmem(in.content, in.length, "\r\n\r\n", 4)) {
                send_all(fd, &rest);
                return;
            }
            continue;
        }
        size_t used = 0;
        if (!greeted) {
            if (in.length < PREFACE)
                continue;
            if (!send_all(fd, &greeting))
                return;
            greeted = 1;
            used = PREFACE;
            memmove(in.content, in.content + used, in.length -= used);
        }
        used = answer(fd, &in, &answered);
        memmove(in.content, in.content + used, in.length -= used);
    }
}

static void read_file(struct bytes *to, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    to->length = fread(to->content, 1, sizeof to->content / 2, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (argc != 4)
        return 1;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    read_file(&status, argv[1]);
    read_file(&metadata, argv[2]);
    read_file(&rest, argv[3]);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("replay");
        return 1;
    }
    printf("gRPC port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        serve(fd);
        close(fd);
    }
}
