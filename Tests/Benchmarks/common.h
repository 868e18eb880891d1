/* What the tools of the benchmarks share. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC, which all processes and namespaces have in common. */
static inline int64_t now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The numbered prefixes are fd99:0:HIGH:LOW::/64 (or fd91: for routes of the kernel). */
enum { MOST_PREFIXES = 1 << 20, PREFIX_OCTETS = 8 };

/* Writes the first eight octets of the prefix with this number. */
static inline void number_to_prefix(uint8_t *to, uint8_t second, uint32_t number)
{
  uint8_t octets[PREFIX_OCTETS] = {
    0xFD, second, 0, 0, number >> 24, number >> 16, number >> 8, number};
  for (int i = 0; i < PREFIX_OCTETS; i++) to[i] = octets[i];
}

/* The number of a prefix, or MOST_PREFIXES if it is none of ours. */
static inline uint32_t prefix_to_number(const uint8_t *octets)
{
  if (octets[0] != 0xFD || (octets[1] != 0x99 && octets[1] != 0x91)) return MOST_PREFIXES;
  uint32_t number = (uint32_t)octets[4] << 24 | octets[5] << 16 | octets[6] << 8 | octets[7];
  return number < MOST_PREFIXES ? number : MOST_PREFIXES;
}

/* Octets that wait to be read in the sockets of this port; `path` is a /proc/PID/net/udp6. */
static inline long waiting_at(const char *path, unsigned wanted)
{
  FILE *file = fopen(path, "r");
  char line[512];
  long sum = 0;
  while (file && fgets(line, sizeof line, file)) {
    unsigned port, queue;
    int found = sscanf(
      line, " %*d: %*32[0-9A-F]:%x %*[^ ] %*x %*x:%x", &port, &queue);
    if (found == 2 && port == wanted) sum += queue;
  }
  if (file) fclose(file);
  return sum;
}
