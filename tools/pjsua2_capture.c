/* What PJSIP receives by UDP goes into a capture file too, as it arrives and before anything is done with it.
 *
 * Linked into pjsua2 with --wrap=recvfrom. The file is named by PJSUA2_CAPTURE and has the format of pcap with raw IPv4
 * packets in it (LINKTYPE_RAW, 101), microseconds of the wall clock. The headers of IP and UDP are made up from the
 * socket's addresses, without checksums.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct packet {
    uint32_t seconds, microseconds, kept, length;
    uint8_t version, service;
    uint16_t total, id, fragment;
    uint8_t hops, protocol;
    uint16_t checksum;
    uint32_t source, destination;
    uint16_t source_port, destination_port, datagram, no_checksum;
} __attribute__((packed));

enum { RECORD_HEADER = 16, IP_AND_UDP = sizeof(struct packet) - RECORD_HEADER };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int capture = -1;

ssize_t __real_recvfrom(int, void *, size_t, int, struct sockaddr *, socklen_t *);

static void open_capture(void)
{
    static const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 101};
    const char *name = getenv("PJSUA2_CAPTURE");

    if (name == NULL)
        return;
    capture = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (capture < 0 || write(capture, head, sizeof head) != sizeof head)
        abort();
}

ssize_t __wrap_recvfrom(int descriptor, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length)
{
    ssize_t got = __real_recvfrom(descriptor, data, size, flags, from, length);
    struct sockaddr_in own;
    socklen_t own_length = sizeof own;
    struct timespec now;

    pthread_once(&once, open_capture);
    if (capture < 0 || got < 0 || from == NULL || from->sa_family != AF_INET ||
        getsockname(descriptor, (struct sockaddr *)&own, &own_length) != 0)
        return got;
    clock_gettime(CLOCK_REALTIME, &now);
    struct packet head = {
        .seconds = (uint32_t)now.tv_sec, .microseconds = (uint32_t)(now.tv_nsec / 1000),
        .kept = (uint32_t)got + IP_AND_UDP, .length = (uint32_t)got + IP_AND_UDP,
        .version = 0x45, .total = htons((uint16_t)(got + IP_AND_UDP)), .hops = 64, .protocol = IPPROTO_UDP,
        .source = ((struct sockaddr_in *)from)->sin_addr.s_addr, .destination = own.sin_addr.s_addr,
        .source_port = ((struct sockaddr_in *)from)->sin_port, .destination_port = own.sin_port,
        .datagram = htons((uint16_t)(got + 8)),
    };
    struct iovec parts[2] = {{&head, sizeof head}, {data, (size_t)got}};
    /* One call: with O_APPEND no other thread's packet gets in between. */
    if (writev(capture, parts, 2) != (ssize_t)(sizeof head) + got)
        abort();
    return got;
}
