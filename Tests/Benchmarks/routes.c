/* Kernel routes of IPv6, faster than a script can write or watch them.
 *
 *   routes write PROTO SECOND FIRST COUNT GATEWAY INTERFACE FORM
 *
 * Adds the numbered prefixes from FIRST on, batches of 64, and prints: done BEGIN END CPU
 * (nanoseconds). FORM is `acks` (one for each route), `errors` (one for each batch), `object`
 * (a next-hop object that all share), or `del`, which removes them. GATEWAY may be `-`.
 * SECOND is the second octet of the prefixes.
 *
 *   routes watch PROTO...
 *
 * Follows what the kernel tells of routes with these protocol numbers. Standard input has commands:
 *
 *   until COUNT INTERFACE MS   waits until so many prefixes lead to this interface (`-`: to any);
 *                              answer: reached TIME COUNT, or missed TIME COUNT. TIME is that of
 *                              the last change.
 *   gaps                       the longest time for which a prefix that had a route had none since
 *                              the last `gaps`, those without one now, and the fewest routes there
 *                              were: gaps NS MISSING FEWEST */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common.h"

enum { BATCH = 64, OBJECT = 4242, METRIC = 1024 };

static int netlink(unsigned groups, int room)
{
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  return fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 ? -1 : fd;
}

/* Writing ---------------------------------------------------------------- */

static void attribute(struct nlmsghdr *m, int type, const void *data, int length)
{
  struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->nlmsg_len));
  a->rta_type = type;
  a->rta_len = RTA_LENGTH(length);
  memcpy(RTA_DATA(a), data, length);
  m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* What a route has in common with the others. */
struct form {
  int protocol, second, interface, is_removal, has_acks, has_object, has_gateway;
  struct in6_addr gateway;
};

static int write_object(int fd, const struct form *f)
{
  struct { struct nlmsghdr m; struct nhmsg h; char rest[128]; } r = {
    .m = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nhmsg)), .nlmsg_type = RTM_NEWNEXTHOP,
          .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK},
    .h = {.nh_family = AF_INET6, .nh_protocol = f->protocol}};
  attribute(&r.m, NHA_ID, &(uint32_t){OBJECT}, 4);
  attribute(&r.m, NHA_OIF, &f->interface, 4);
  if (f->has_gateway) attribute(&r.m, NHA_GATEWAY, &f->gateway, 16);
  char answer[512];
  if (send(fd, &r, r.m.nlmsg_len, 0) < 0 || recv(fd, answer, sizeof answer, 0) < 0) return -1;
  return ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
}

static void write_route(struct nlmsghdr *m, const struct form *f, uint32_t number, int is_last)
{
  struct rtmsg *r = NLMSG_DATA(m);
  *m = (struct nlmsghdr){
    .nlmsg_len = NLMSG_LENGTH(sizeof *r), .nlmsg_seq = number,
    .nlmsg_type = f->is_removal ? RTM_DELROUTE : RTM_NEWROUTE,
    .nlmsg_flags = NLM_F_REQUEST | (f->is_removal ? 0 : NLM_F_CREATE | NLM_F_EXCL) |
                   (f->has_acks || is_last ? NLM_F_ACK : 0)};
  *r = (struct rtmsg){.rtm_family = AF_INET6, .rtm_dst_len = 64, .rtm_table = RT_TABLE_MAIN,
                      .rtm_protocol = f->protocol, .rtm_type = RTN_UNICAST};
  uint8_t prefix[16] = {0};
  number_to_prefix(prefix, f->second, number);
  attribute(m, RTA_DST, prefix, 16);
  attribute(m, RTA_PRIORITY, &(uint32_t){METRIC}, 4);
  if (f->has_object) {
    attribute(m, RTA_NH_ID, &(uint32_t){OBJECT}, 4);
    return;
  }
  attribute(m, RTA_OIF, &f->interface, 4);
  if (f->has_gateway) attribute(m, RTA_GATEWAY, &f->gateway, 16);
}

/* Reads answers until that with this number; returns how many are errors. */
static long answers(int fd, uint32_t last)
{
  char buffer[1 << 16];
  long errors = 0;
  for (;;) {
    int length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0) return errors + 1;
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, (unsigned)length);
         m = NLMSG_NEXT(m, length)) {
      if (m->nlmsg_type != NLMSG_ERROR) continue;
      errors += ((struct nlmsgerr *)NLMSG_DATA(m))->error != 0;
      if (m->nlmsg_seq == last) return errors;
    }
  }
}

static int64_t processor(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int write_routes(char **words)
{
  struct form f = {.protocol = atoi(words[0]), .second = strtol(words[1], NULL, 16),
                   .interface = if_nametoindex(words[5])};
  uint32_t first = atoi(words[2]), end = first + atoi(words[3]);
  f.has_gateway = inet_pton(AF_INET6, words[4], &f.gateway) == 1;
  f.is_removal = !strcmp(words[6], "del");
  f.has_acks = !strcmp(words[6], "acks");
  f.has_object = !strcmp(words[6], "object");
  int fd = netlink(0, 8 << 20);
  if (fd < 0 || (f.has_object && write_object(fd, &f))) return perror("routes"), 1;
  static char buffer[BATCH * 256];
  long errors = 0;
  int64_t begin = now(), spent = processor();
  for (uint32_t number = first; number < end;) {
    int length = 0;
    for (int i = 0; i < BATCH && number < end; i++, number++) {
      struct nlmsghdr *m = (void *)(buffer + length);
      write_route(m, &f, number, i == BATCH - 1 || number == end - 1);
      length += NLMSG_ALIGN(m->nlmsg_len);
    }
    if (send(fd, buffer, length, 0) < 0) return perror("send"), 1;
    errors += answers(fd, number - 1);
  }
  printf("done %ld %ld %ld\n", (long)begin, (long)now(), (long)(processor() - spent));
  if (errors) fprintf(stderr, "%ld routes were refused\n", errors);
  return errors != 0;
}

/* Watching --------------------------------------------------------------- */

static struct { int64_t lost; uint32_t interface; } routes[MOST_PREFIXES];
static long total, missing, fewest, by_interface[1024];
static int64_t changed, longest;
static int protocols[4], protocol_count;

static void move(uint32_t number, uint32_t to)
{
  uint32_t from = routes[number].interface;
  if (from == to) return;
  int64_t time = changed = now();
  if (from) by_interface[from & 1023]--, total--;
  if (to) by_interface[to & 1023]++, total++;
  if (!to) routes[number].lost = time, missing++;
  if (!from && routes[number].lost) {
    if (time - routes[number].lost > longest) longest = time - routes[number].lost;
    routes[number].lost = 0, missing--;
  }
  routes[number].interface = to;
  if (total < fewest) fewest = total;
}

static void take(struct nlmsghdr *m)
{
  struct rtmsg *r = NLMSG_DATA(m);
  int length = RTM_PAYLOAD(m), is_ours = 0;
  uint32_t number = MOST_PREFIXES, to = 0;
  if (m->nlmsg_type != RTM_NEWROUTE && m->nlmsg_type != RTM_DELROUTE) return;
  for (int i = 0; i < protocol_count; i++) is_ours |= r->rtm_protocol == protocols[i];
  if (!is_ours || r->rtm_dst_len != 64) return;
  for (struct rtattr *a = RTM_RTA(r); RTA_OK(a, length); a = RTA_NEXT(a, length)) {
    if (a->rta_type == RTA_DST) number = prefix_to_number(RTA_DATA(a));
    if (a->rta_type == RTA_OIF) to = *(uint32_t *)RTA_DATA(a);
  }
  if (number == MOST_PREFIXES) return;
  if (m->nlmsg_type == RTM_DELROUTE) {
    /* The kernel may tell of the end of the old route after the new one is there. */
    if (routes[number].interface != to) return;
    to = 0;
  } else if (r->rtm_type != RTN_UNICAST) {
    to = 0;
  }
  move(number, to);
}

/* Reads what is there; fails loudly if the kernel dropped something. */
static void follow(int fd)
{
  static char buffer[1 << 18];
  for (;;) {
    int length = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (length < 0) {
      if (errno != ENOBUFS) return;
      fputs("notifications were lost\n", stderr);
      exit(1);
    }
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, (unsigned)length);
         m = NLMSG_NEXT(m, length))
      take(m);
  }
}

static void await(int fd, long wanted, const char *name, int64_t limit)
{
  long *value = *name == '-' ? &total : &by_interface[if_nametoindex(name) & 1023];
  for (;;) {
    follow(fd);
    if (*value == wanted || now() > limit) break;
    struct pollfd one = {fd, POLLIN, 0};
    poll(&one, 1, 50);
  }
  printf("%s %ld %ld\n", *value == wanted ? "reached" : "missed", (long)changed, *value);
}

static int watch(int count, char **words)
{
  for (; protocol_count < count && protocol_count < 4; protocol_count++)
    protocols[protocol_count] = atoi(words[protocol_count]);
  int fd = netlink(RTMGRP_IPV6_ROUTE, 512 << 20);
  if (fd < 0) return perror("netlink"), 1;
  char line[256], name[32];
  setvbuf(stdin, NULL, _IONBF, 0);
  for (;;) {
    struct pollfd both[] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
    poll(both, 2, -1);
    follow(fd);
    if (!both[1].revents) continue;
    if (!fgets(line, sizeof line, stdin)) return 0;
    long wanted, wait;
    if (sscanf(line, "until %ld %31s %ld", &wanted, name, &wait) == 3) {
      await(fd, wanted, name, now() + wait * 1000000);
    } else {
      printf("gaps %ld %ld %ld\n", (long)longest, missing, fewest);
      for (uint32_t i = 0; i < MOST_PREFIXES; i++) routes[i].lost = 0;
      longest = missing = 0, fewest = total;
    }
    fflush(stdout);
  }
}

int main(int argc, char **argv)
{
  if (argc == 9 && !strcmp(argv[1], "write")) return write_routes(argv + 2);
  if (argc > 2 && !strcmp(argv[1], "watch")) return watch(argc - 2, argv + 2);
  return 2;
}
