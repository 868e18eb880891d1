/* Any number of Babel neighbours on one link, faster than a daemon can listen:
 *
 *   neighbour INTERFACE HOST COUNT HELLO
 *
 * They are the addresses fe80::HOST and those that follow it, which the interface must have, and
 * say Hello every HELLO hundredths of a second, and IHU to everyone heard. Standard input has
 * commands, one a line, with WHO a number from 0; each is answered by one line. Times are
 * nanoseconds of the monotonic clock.
 *
 *   adjacent COUNT MS                  waits until so many of them are heard by somebody
 *   pace FILE                          (FILE: /proc/PID/net/udp6) what is announced from now on
 *                                      waits while the listener has much to read; `-`: does not
 *   announce WHO FIRST COUNT METRIC SHUFFLED   65535 retracts; answer: done BEGIN END PACKETS
 *   refresh WHO FIRST COUNT METRIC MS  says it again and again, all of it within MS; 0 ends it
 *   flap WHO FIRST COUNT MS            retracts and announces in turn for so long
 *   silence ON                         whether Hellos stay out; answer: done LAST-HELLO
 *   until COUNT MS                     waits until so many prefixes are announced to us; answer:
 *                                      reached TIME COUNT, or missed TIME COUNT
 *   heard                              heard COUNT UPDATES PACKETS OCTETS */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common.h"

enum { PORT = 6696, MOST_NEIGHBOURS = 4096, MOST_HEARD = 32, BATCH = 8, PACKET = 1400 };
enum { INFINITE = 65535, UPDATE_INTERVAL = 60000 };
/* Octets that may wait in the listener's socket, as the kernel counts them: a third of what it
 * grants by default. */
enum { WAITING = 70000 };

static int link_fd, interface, count, hello;
static uint32_t host;
static struct sockaddr_in6 group;
static uint16_t seqnos[MOST_NEIGHBOURS];
static uint8_t is_heard[MOST_NEIGHBOURS];
static struct in6_addr known[MOST_HEARD];
static int known_count;
static int64_t hello_due, greeted;
static int hello_next, is_silent;
static char pace_file[256];
static uint8_t table[MOST_PREFIXES];
static long announced, updates, packets, octets;
static int64_t changed;
static struct { int who, metric; uint32_t first, count, next; int64_t due, period; } again;

struct batch {
  uint8_t data[BATCH][PACKET];
  struct iovec vectors[BATCH];
  char control[BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
  struct mmsghdr messages[BATCH];
  int count;
};

static void address_of(struct in6_addr *to, uint32_t number)
{
  memset(to, 0, sizeof *to);
  to->s6_addr[0] = 0xFE;
  to->s6_addr[1] = 0x80;
  number = htonl(number);
  memcpy(to->s6_addr + 12, &number, 4);
}

static void put16(uint8_t *to, unsigned value) { to[0] = value >> 8; to[1] = value; }
static unsigned get16(const uint8_t *from) { return from[0] << 8 | from[1]; }

/* Adds a packet of one neighbour, whose body has so many octets. */
static void enclose(struct batch *b, int who, int length)
{
  int i = b->count++;
  b->data[i][0] = 42;
  b->data[i][1] = 2;
  put16(b->data[i] + 2, length);
  b->vectors[i] = (struct iovec){b->data[i], length + 4};
  struct msghdr *m = &b->messages[i].msg_hdr;
  *m = (struct msghdr){
    .msg_name = &group, .msg_namelen = sizeof group, .msg_iov = &b->vectors[i], .msg_iovlen = 1,
    .msg_control = b->control[i], .msg_controllen = sizeof b->control[i]};
  struct cmsghdr *c = CMSG_FIRSTHDR(m);
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = IPV6_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo));
  struct in6_pktinfo info = {.ipi6_ifindex = interface};
  address_of(&info.ipi6_addr, host + who);
  memcpy(CMSG_DATA(c), &info, sizeof info);
}

static void flush(struct batch *b)
{
  for (int sent = 0; sent < b->count;) {
    int done = sendmmsg(link_fd, b->messages + sent, b->count - sent, 0);
    if (done > 0) sent += done;
    else if (errno == ENOBUFS || errno == EAGAIN) usleep(50);
    else break; /* the link is down for the moment */
  }
  b->count = 0;
}

static void greet(struct batch *b, int who)
{
  uint8_t *data = b->data[b->count], *to = data + 4;
  memcpy(to, (uint8_t[]){4, 6, 0, 0}, 4);
  put16(to + 4, ++seqnos[who]);
  put16(to + 6, hello);
  to += 8;
  for (int i = 0; i < known_count; i++, to += 16) {
    memcpy(to, (uint8_t[]){5, 14, 3, 0, 0, 96}, 6);
    put16(to + 6, 3 * hello);
    memcpy(to + 8, known[i].s6_addr + 8, 8);
  }
  enclose(b, who, to - data - 4);
}

static void greet_those_due(int64_t time)
{
  static struct batch b;
  int64_t step = (int64_t)hello * 10000000 / count;
  for (; hello_due <= time; hello_due += step) {
    if (!is_silent) greet(&b, hello_next), greeted = time;
    hello_next = (hello_next + 1) % count;
    if (b.count == BATCH) flush(&b);
  }
  flush(&b);
}

/* What is heard ---------------------------------------------------------- */

static void take_update(const uint8_t *body, int length, uint8_t *prefix)
{
  if (length < 10) return;
  updates++;
  if (body[0] == 0) {
    memset(table, 0, sizeof table);
    announced = 0;
    changed = now();
    return;
  }
  int bits = body[2], omitted = body[3], carried = (bits + 7) / 8 - omitted;
  if (body[0] != 2 || carried < 0 || carried > length - 10 || omitted + carried > 16) return;
  uint8_t whole[16] = {0};
  memcpy(whole, prefix, omitted);
  memcpy(whole + omitted, body + 10, carried);
  if (body[1] & 0x80) memcpy(prefix, whole, 16);
  uint32_t number = prefix_to_number(whole);
  int is_there = get16(body + 8) != INFINITE;
  if (bits != 64 || number == MOST_PREFIXES || table[number] == is_there) return;
  table[number] = is_there;
  announced += is_there ? 1 : -1;
  changed = now();
}

static void take_ihu(const uint8_t *body, int length, const struct in6_addr *to)
{
  uint8_t target[4];
  if (body[0] == 0) memcpy(target, to->s6_addr + 12, 4);
  else if (body[0] == 3 && length >= 14) memcpy(target, body + 10, 4);
  else if (body[0] == 2 && length >= 22) memcpy(target, body + 18, 4);
  else return;
  uint32_t who;
  memcpy(&who, target, 4);
  who = ntohl(who) - host;
  if (who < (uint32_t)count) is_heard[who] = get16(body + 2) != INFINITE;
}

static void know(const struct in6_addr *source)
{
  for (int i = 0; i < known_count; i++)
    if (!memcmp(&known[i], source, sizeof *source)) return;
  if (known_count == MOST_HEARD) return;
  known[known_count++] = *source;
  /* All answer soon, not only after an interval. */
  hello_due -= (int64_t)hello * 10000000;
}

static void take(const uint8_t *data, int length, const struct in6_addr *to)
{
  uint8_t prefix[16] = {0};
  if (length < 4 || data[0] != 42 || data[1] != 2) return;
  int end = 4 + get16(data + 2);
  if (end > length) return;
  for (int at = 4; at < end;) {
    if (data[at] == 0) { at++; continue; }
    if (at + 2 > end || at + 2 + data[at + 1] > end) return;
    if (data[at] == 8) take_update(data + at + 2, data[at + 1], prefix);
    if (data[at] == 5 && data[at + 1] >= 6) take_ihu(data + at + 2, data[at + 1], to);
    at += 2 + data[at + 1];
  }
}

static void listen_to_all(void)
{
  uint8_t data[65536];
  for (;;) {
    struct sockaddr_in6 source;
    char control[128];
    struct iovec vector = {data, sizeof data};
    struct msghdr m = {.msg_name = &source, .msg_namelen = sizeof source, .msg_iov = &vector,
                       .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int length = recvmsg(link_fd, &m, MSG_DONTWAIT);
    if (length < 0) return;
    struct in6_pktinfo info = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
      if (c->cmsg_type == IPV6_PKTINFO) memcpy(&info, CMSG_DATA(c), sizeof info);
    packets++;
    octets += length;
    know(&source.sin6_addr);
    take(data, length, &info.ipi6_addr);
  }
}

/* What is said ----------------------------------------------------------- */

static void tick(void)
{
  listen_to_all();
  greet_those_due(now());
}

/* Fills one packet with Updates from `*at` on; returns the octets of its body. */
static int fill(uint8_t *body, uint32_t first, uint32_t total, uint32_t *at, int metric,
                uint32_t stride)
{
  uint8_t *to = body, base[PREFIX_OCTETS], prefix[PREFIX_OCTETS];
  memcpy(to, (uint8_t[]){6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x99}, 12);
  to += 12;
  for (int begins = 1; *at < total && to + 20 < body + PACKET - 4; ++*at, begins = 0) {
    number_to_prefix(prefix, 0x99, first + (uint64_t)*at * stride % total);
    int same = 0;
    if (begins) memcpy(base, prefix, sizeof base);
    else while (same < PREFIX_OCTETS && prefix[same] == base[same]) same++;
    memcpy(to, (uint8_t[]){8, 18 - same, 2, begins ? 0x80 : 0, 64, same}, 6);
    put16(to + 6, UPDATE_INTERVAL);
    put16(to + 8, 1);
    put16(to + 10, metric);
    memcpy(to + 12, prefix + same, PREFIX_OCTETS - same);
    to += 20 - same;
  }
  return to - body;
}

/* A step that visits all of `total` numbers in an order that looks random. */
static uint32_t stride_of(uint32_t total)
{
  for (uint32_t step = 2654435761U % total | 1;; step += 2) {
    uint32_t a = total, b = step;
    while (b) { uint32_t rest = a % b; a = b; b = rest; }
    if (a == 1) return step;
  }
}

static long announce(int who, uint32_t first, uint32_t total, int metric, int is_shuffled)
{
  static struct batch b;
  uint32_t at = 0, stride = is_shuffled && total > 2 ? stride_of(total) : 1;
  long sent = 0;
  while (at < total) {
    enclose(&b, who, fill(b.data[b.count] + 4, first, total, &at, metric, stride));
    sent++;
    if (b.count < BATCH && at < total) continue;
    while (*pace_file && waiting_at(pace_file, PORT) > WAITING) { usleep(20); tick(); }
    flush(&b);
    tick();
  }
  return sent;
}

static void say_again(int64_t time)
{
  static struct batch b;
  while (again.period && again.due <= time) {
    uint32_t before = again.next;
    int length = fill(
      b.data[0] + 4, again.first, again.count, &again.next, again.metric, 1);
    enclose(&b, again.who, length);
    flush(&b);
    again.due += again.period * (again.next - before) / again.count;
    if (again.next >= again.count) again.next = 0;
  }
}

/* Waits for something to hear, or a command, for so many milliseconds at most; then does what is
 * due. Returns whether there is a command. */
static int live(int descriptors, int64_t wait)
{
  struct pollfd both[] = {{link_fd, POLLIN, 0}, {0, POLLIN, 0}};
  poll(both, descriptors, wait < 0 ? 0 : wait);
  tick();
  say_again(now());
  return both[1].revents;
}

/* Commands --------------------------------------------------------------- */

static long heard_by_somebody(void)
{
  long sum = 0;
  for (int i = 0; i < count; i++) sum += is_heard[i];
  return sum;
}

static long announced_now(void) { return announced; }

/* Lives on until `value` is `wanted`, or `limit`. */
static void await(long (*value)(void), long wanted, int64_t limit)
{
  while (value() != wanted && now() < limit) live(1, 1);
  int is_reached = value() == wanted;
  int64_t when = value == announced_now && is_reached ? changed : now();
  printf("%s %ld %ld\n", is_reached ? "reached" : "missed", (long)when, value());
}

static void flap(int who, uint32_t first, uint32_t total, int64_t until)
{
  long rounds = 0;
  for (; now() < until; rounds++) announce(who, first, total, rounds & 1 ? 0 : INFINITE, 0);
  if (rounds & 1) announce(who, first, total, 0, 0);
  printf("done %ld\n", rounds);
}

static void obey(char *line)
{
  int who, metric, flag;
  uint32_t first, total;
  long a, b;
  int64_t begin = now();
  if (sscanf(line, "announce %d %u %u %d %d", &who, &first, &total, &metric, &flag) == 5) {
    long sent = announce(who, first, total, metric, flag);
    printf("done %ld %ld %ld\n", (long)begin, (long)now(), sent);
  } else if (sscanf(line, "adjacent %ld %ld", &a, &b) == 2) {
    await(heard_by_somebody, a, begin + b * 1000000);
  } else if (sscanf(line, "until %ld %ld", &a, &b) == 2) {
    await(announced_now, a, begin + b * 1000000);
  } else if (sscanf(line, "flap %d %u %u %ld", &who, &first, &total, &a) == 4) {
    flap(who, first, total, begin + a * 1000000);
  } else if (sscanf(line, "refresh %d %u %u %d %ld", &who, &first, &total, &metric, &a) == 5) {
    again.who = who, again.first = first, again.count = total, again.metric = metric;
    again.next = 0, again.due = begin, again.period = a * 1000000;
    puts("done");
  } else if (sscanf(line, "silence %d", &is_silent) == 1 ||
             sscanf(line, "pace %255s", pace_file) == 1) {
    if (!strcmp(pace_file, "-")) *pace_file = 0;
    printf("done %ld\n", (long)greeted);
  } else {
    printf("heard %ld %ld %ld %ld\n", announced, updates, packets, octets);
  }
  fflush(stdout);
}

static int open_link(void)
{
  int on = 1, off = 0, room = 256 << 20, send = 4 << 20;
  struct ipv6_mreq membership = {.ipv6mr_interface = interface};
  inet_pton(AF_INET6, "ff02::1:6", &membership.ipv6mr_multiaddr);
  group = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(PORT),
                                .sin6_addr = membership.ipv6mr_multiaddr,
                                .sin6_scope_id = interface};
  link_fd = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
  struct { int level, name, *value; } options[] = {
    {SOL_SOCKET, SO_REUSEADDR, &on}, {SOL_SOCKET, SO_RCVBUFFORCE, &room},
    {SOL_SOCKET, SO_SNDBUF, &send}, {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, &on}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &on},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, &on}};
  for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
    setsockopt(link_fd, options[i].level, options[i].name, options[i].value, sizeof(int));
  return setsockopt(link_fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof membership) |
         bind(link_fd, (struct sockaddr *)&any, sizeof any);
}

int main(int argc, char **argv)
{
  if (argc != 5) return 2;
  interface = if_nametoindex(argv[1]);
  host = strtoul(argv[2], NULL, 10), count = atoi(argv[3]), hello = atoi(argv[4]);
  if (count < 1 || count > MOST_NEIGHBOURS || hello < 1) return 2;
  if (open_link() < 0) return perror("open the link"), 1;
  hello_due = now();
  char line[512];
  setvbuf(stdin, NULL, _IONBF, 0);
  for (;;) {
    int64_t due = again.period && again.due < hello_due ? again.due : hello_due;
    if (!live(2, (due - now()) / 1000000 + 1)) continue;
    if (!fgets(line, sizeof line, stdin)) return 0;
    obey(line);
  }
}
