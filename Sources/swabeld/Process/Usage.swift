/// What the program says about itself.
enum Usage {
  /// The line of `-V` and of the control socket's banner.
  static let version = "swabeld-0.1.0"

  /// The block after the version when an option is wrong; its first words are babeld's.
  static let syntax = """
    Syntax: swabeld [-V] [-m multicast_address] [-p port] [-S state-file]
                    [-h hello] [-H wired_hello] [-g port] [-G port]
                    [-k metric] [-A metric] [-s] [-l] [-w] [-r] [-M half-life]
                    [-t table] [-T table] [-c file] [-C statement]
                    [-d level] [-D] [-L logfile] [-I pidfile]
                    interface...

    """

  /// What `--help` writes behind the usage.
  static let help = """

    swabeld is a Babel router (RFC 8966) with the options and files of babeld.

      -m ADDRESS    multicast group (ff02::1:6)
      -p PORT       UDP port (6696)
      -h SECONDS    Hello interval of wireless interfaces (4)
      -H SECONDS    Hello interval of other interfaces (4)
      -k METRIC     kernel priority of installed routes (0)
      -A METRIC     install routes beside redistributed ones of a smaller metric
      -r            choose a random router-id
      -S FILE       state file (/var/lib/babel-state)
      -g PORT|PATH  control socket, read-only
      -G PORT|PATH  control socket, read-write
      -l            follow the carrier of links
      -w            take interfaces of unknown type as wireless
      -M SECONDS    half-life of smoothed metrics (4), 0 switches smoothing off
      -t TABLE      kernel table to install routes into (254)
      -T TABLE      kernel table to redistribute from (254), repeatable
      -c FILE       configuration file (/etc/babeld.conf if it exists), repeatable
      -C STATEMENT  one statement of configuration, repeatable
      -d LEVEL      debug level (0)
      -D            run in the background
      -L FILE       log file
      -I FILE       pid file (/var/run/babeld.pid)
      --check       say what is wrong with the configuration, do nothing else; FILE may be
                    given without -c
      --explain     the same, and print what the configuration comes to
      -V, --version print the version
      --help        print this

      swabeld keygen [hmac-sha256|blake2s128]
                    print a statement with a new key, do nothing else

    See swabeld(8).

    """
}
