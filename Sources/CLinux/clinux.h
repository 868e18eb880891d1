/* Includes and declarations only: there is no C code in this project.
 *
 * _GNU_SOURCE must never be defined: with it glibc turns every sockaddr argument into a
 * transparent union that Swift cannot call. What it would have declared is declared below. */
#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/netconf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One type (Int) for what is an enum member in glibc and a macro in musl. */
enum {
  SWB_SOCK_STREAM = SOCK_STREAM,
  SWB_SOCK_DGRAM = SOCK_DGRAM,
  SWB_SOCK_RAW = SOCK_RAW,
  SWB_SOCK_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK,
  SWB_SOCK_CLOEXEC = SOCK_CLOEXEC,
  SWB_IPPROTO_IP = IPPROTO_IP,
  SWB_IPPROTO_IPV6 = IPPROTO_IPV6,
  SWB_SFD_FLAGS = SFD_CLOEXEC | SFD_NONBLOCK,
  SWB_MSG_DONTWAIT = MSG_DONTWAIT,
  SWB_MSG_NOSIGNAL = MSG_NOSIGNAL,
  SWB_MSG_TRUNC = MSG_TRUNC,
  SWB_MSG_CTRUNC = MSG_CTRUNC
};

/* Linux numbers that the C libraries show only under _GNU_SOURCE, or not in every version. */
enum {
  SWB_IP_PMTUDISC_WANT = 1,
  SWB_IP_PMTUDISC_PROBE = 3,
  SWB_IP_MULTICAST_ALL = 49,
  SWB_IPV6_MULTICAST_ALL = 29,
  SWB_SO_PEERCRED = 17,
  SWB_SO_BINDTODEVICE = 25,
  SWB_SO_MARK = 36,
  SWB_SO_RCVBUFFORCE = 33,
  SWB_SO_MEMINFO = 55,
  SWB_SO_TIMESTAMPNS_NEW = 64,
  SWB_SOL_NETLINK = 270,
  SWB_CLONE_NEWNET = 0x40000000,
  SWB_SIOCGIWNAME = 0x8B01,
  SWB_SIOCOUTQ = 0x5411,
  SWB_TIOCGWINSZ = 0x5413
};

/* Fixed-argument views of variadic functions, which Swift does not import. */
int swabel_open(const char *path, int flags, unsigned mode) __asm__("open");
int swabel_fcntl(int fd, int cmd, long arg) __asm__("fcntl");
int swabel_ioctl(int fd, unsigned long request, void *arg) __asm__("ioctl");
/* SIG_DFL and SIG_IGN are casts, which Swift does not import; they are 0 and 1 in every Linux
 * libc. */
void *swabel_signal(int number, long disposition) __asm__("signal");

/* The environment as it was at the start; we never change it. */
extern char *const *const swabel_environment __asm__("environ");

int swabel_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
    __asm__("prctl");

/* What <sys/capability.h> of a library that we do not need would declare: two words of header,
 * two records of three words. */
int swabel_capget(void *header, void *data) __asm__("capget");
int swabel_capset(void *header, const void *data) __asm__("capset");
int swabel_setgroups(size_t count, const gid_t *list) __asm__("setgroups");
int swabel_setresgid(gid_t real, gid_t effective, gid_t saved) __asm__("setresgid");
int swabel_setresuid(uid_t real, uid_t effective, uid_t saved) __asm__("setresuid");

/* A segment of our program's file. */
#if UINTPTR_MAX > 0xFFFFFFFF
typedef Elf64_Phdr swabel_segment;
#else
typedef Elf32_Phdr swabel_segment;
#endif

/* GNU extensions. */
struct swabel_mmsghdr {
  struct msghdr msg_hdr;
  unsigned msg_len;
};
int swabel_recvmmsg(int fd, struct swabel_mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
#if defined(_REDIR_TIME64)
    __asm__("__recvmmsg_time64");
#else
    __asm__("recvmmsg");
#endif
int swabel_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags) __asm__("accept4");
int swabel_flock(int fd, int operation) __asm__("flock");
int swabel_unshare(int flags) __asm__("unshare");
int swabel_setns(int fd, int type) __asm__("setns");
/* On 32-bit machines the plain symbol takes the old 32-bit time. */
int swabel_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
#if defined(_REDIR_TIME64)
    __asm__("__ppoll_time64");
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE) && __TIMESIZE == 32
    __asm__("__ppoll64");
#else
    __asm__("ppoll");
#endif
