/* Sends prepared Ethernet frames over and over, faster than Python can: storm INTERFACE RATE
 * SECONDS. Standard input holds the frames, each behind its length (two octets, native order).
 * Prints how many frames left, and the microseconds that took. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FRAMES = 20000, BATCH = 64 };

static struct mmsghdr messages[MOST_FRAMES];
static struct iovec vectors[MOST_FRAMES];

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int load(void)
{
  int count = 0;
  uint16_t length;
  while (count < MOST_FRAMES && fread(&length, sizeof length, 1, stdin) == 1) {
    void *frame = malloc(length);
    if (!frame || fread(frame, length, 1, stdin) != 1) break;
    vectors[count] = (struct iovec){frame, length};
    messages[count].msg_hdr.msg_iov = &vectors[count];
    messages[count].msg_hdr.msg_iovlen = 1;
    count++;
  }
  return count;
}

int main(int argc, char **argv)
{
  if (argc != 4) return 2;
  double rate = atof(argv[2]), seconds = atof(argv[3]);
  int link = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll name = {
    .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (link < 0 || bind(link, (struct sockaddr *)&name, sizeof name) < 0) return perror("bind"), 1;
  /* Past the taps: what listens on this interface does not see the storm. */
  int on = 1;
  setsockopt(link, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  int count = load(), position = 0;
  if (count < 1) return 1;
  double start = now(), passed;
  long sent = 0, tries = 0;
  while ((passed = now() - start) < seconds) {
    long due = (long)(passed * rate) - tries;
    if (due < 1) {
      usleep(20);
      continue;
    }
    int batch = due < BATCH ? (int)due : BATCH;
    if (batch > count - position) batch = count - position;
    int done = sendmmsg(link, messages + position, batch, 0);
    if (done > 0) sent += done;
    /* What finds no room in the queue of the other end is lost, as in any storm. */
    int skipped = done > 0 ? done : 1;
    tries += skipped;
    position = (position + skipped) % count;
  }
  printf("%ld %.0f\n", sent, passed * 1e6);
  return 0;
}
