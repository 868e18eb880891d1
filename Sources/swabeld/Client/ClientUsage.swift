/// What the client says about itself.
enum ClientUsage {
  /// How it is called.
  static let syntax = """
    Syntax: swabelctl [-s socket] [-c file] [--timeout seconds] request...
            swabelctl -h | -V

    """

  /// What `--help` writes behind it.
  static let help = """

    swabelctl sends one request to the local socket of a running swabeld, and prints
    the answer. `swabeld ctl` is the same.

      -s PATH|PORT       the daemon's socket; or the variable SWABELD_SOCKET
      -c FILE            the configuration that names it (/etc/babeld.conf)
      --timeout SECONDS  how long to wait (10; reload, restart, rule, stop: 60)

      status             how the daemon is, and what is wrong
      show TABLE         interfaces, neighbours, routes, exported, sources,
                         requests, limits, load, wireguard; -w: all columns,
                         --json, ...
      explain PREFIX     why each route is used or not; also: explain out PREFIX,
                         explain neighbour ADDRESS, explain interface NAME
      path ADDRESS       which way packets take, node by node; from ADDRESS,
                         --json, -w
      ping ADDRESS       the way, then echo requests; count N, else until ctrl-C
      dump               interfaces, neighbours, prefixes, routes, in babeld's words
      monitor            the same, then changes as they happen
      show counters      what was refused
      show graph         the network, as NetJSON or with --dot for Graphviz
      metrics            what is counted and measured, for Prometheus
      show events        what happened; also to a neighbour, interface or prefix
      events --follow    what happens, as it happens
      trace              packets in words; interface NAME, neighbour ADDRESS, for 10
      capture FILE       the same as a file for tcpdump and Wireshark
      watch, top         a live screen: problems and events, or neighbours and load
      show rules         filter rules, and how often each has decided
      show config        what is in effect; with --diff, what differs from the files
      reload             read the configuration again; --dry-run only says what
                         would change, --confirm 60 goes back without a confirm
      rule add | remove  change the filter rules
      drain NAME|all     move traffic off an interface; undrain ends that
      restart            execute the program's file again; routes stay
      stop               retract everything and end
      stop --keep-routes end, and leave the routes to a next process
      interface NAME ... add an interface, or change one
      flush interface NAME
                         stop running on an interface

    The status is 0 if the daemon did it, 1 if it refused, 2 if the request is
    wrong, and 3 if no daemon can be reached. See swabelctl(8).

    """
}
