/* Stands in for tensorflow_model_server in an image, as far as tests/smoke.py goes: --version ends with 0; otherwise it
 * listens on 8500 and answers each call with the bytes of /answer, once it has been asked for the model "nosuch". */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int client, const char *answer, size_t size)
{
    static const char settings[9] = {0, 0, 0, 4};
    static const char wanted[] = "nosuch";
    char asked[4096];
    size_t have = 0;
    ssize_t got;

    write(client, settings, sizeof settings);
    while (have < sizeof asked && (got = read(client, asked + have, sizeof asked - have)) > 0) {
        have += got;
        if (have >= 6 && memmem(asked, have, wanted, sizeof wanted - 1)) {
            write(client, answer, size);
            have = 0;
        }
    }
    close(client);
}

int main(int count, char **arguments)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(8500)};
    char answer[4096];
    int listener;
    size_t size;
    FILE *file;

    if (count == 2 && !strcmp(arguments[1], "--version")) {
        puts("TensorFlow ModelServer: a stand-in");
        return 0;
    }
    if (count != 3 || !(file = fopen("/models.config", "r")) || !fgets(answer, sizeof answer, file)
        || strcmp(answer, "# none\n")) {
        fputs("the stand-in wants a list without models\n", stderr);
        return 255;
    }
    size = fread(answer, 1, sizeof answer, fopen("/answer", "r"));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 8)) {
        perror("port 8500");
        return 255;
    }
    for (;;)
        serve(accept(listener, NULL, NULL), answer, size);
}
