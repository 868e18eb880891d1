# Completion of swabelctl and of swabeld for bash.

_swabelctl_requests='dump monitor show events trace capture watch top status explain path ping metrics
  flush interface default key
  link-detect smoothing-half-life log-level log-file reopen-logfile reload confirm rule drain undrain
  neighbour-cost restart stop'
_swabelctl_tables='interfaces neighbours routes route exported sources requests limits load gateways
  wireguard counters rules config graph events'

_swabelctl_links() { command ls /sys/class/net 2> /dev/null; }

# How the daemon is asked: the program as it was typed, with the socket that was named.
_swabelctl_client=(swabelctl)

# Addresses of the neighbours of the running daemon; none if it does not answer soon.
_swabelctl_neighbours() {
  "${_swabelctl_client[@]}" show neighbours --json 2> /dev/null < /dev/null \
    | command sed -n 's/.*"address":"\([^"]*\)".*/\1/p' | command sort -u
}

# Completes the words of a request, which begin at position $1.
_swabelctl_request() {
  local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[$1]} words=
  case $((COMP_CWORD - $1)) in
    0) words=$_swabelctl_requests ;;
    1)
      case $first in
        show) words=$_swabelctl_tables ;;
        status) words=--json ;;
        explain) words='out neighbour interface' ;;
        reload) words='--dry-run --confirm' ;;
        rule) words='add remove' ;;
        drain | undrain) words="all $(_swabelctl_links)" ;;
        events) words=--follow ;;
        trace) words='interface neighbour for packets' ;;
        watch | top) words='--once --interval' ;;
        path) words='--json -w' ;;
        log-level) words='interfaces neighbours routes kernel packets socket configuration process all' ;;
        flush) words=interface ;;
        stop) words=--keep-routes ;;
        link-detect) words='true false auto' ;;
        interface) words=$(_swabelctl_links) ;;
        neighbour-cost) words=$(_swabelctl_neighbours) ;;
        key) words=id ;;
        default) words=$_swabelctl_parameters ;;
        log-file | capture) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
      esac ;;
    2)
      case $first in
        flush) words=$(_swabelctl_links) ;;
        explain) _swabelctl_value "${COMP_WORDS[$1 + 1]}" ;;
        rule) words='in out redistribute install' ;;
        path) words='from --json -w' ;;
        ping) words=count ;;
        interface) words=$_swabelctl_parameters ;;
        log-level) words='debug info notice warning error auto' ;;
        show) _swabelctl_show "$1" ;;
        trace | capture) _swabelctl_packets ;;
        watch | top) words='--once --interval' ;;
      esac ;;
    *)
      case $first in
        path) words='from --json -w' ;;
        interface | default) words=$_swabelctl_parameters ;;
        show) _swabelctl_show "$1" ;;
        trace | capture) _swabelctl_packets ;;
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

_swabelctl_parameters='type rxcost hello-interval update-interval link-quality split-horizon unicast
  enable-timestamps max-rtt-penalty rtt-min rtt-max rtt-decay link-local key probe-mtu v4-via-v6 answer-path
  wireguard-peers'

# Which packets are wanted, into `words`.
_swabelctl_packets() {
  case ${COMP_WORDS[COMP_CWORD - 1]} in
    for | packets) ;;
    *) _swabelctl_value "${COMP_WORDS[COMP_CWORD - 1]}" || words='interface neighbour for packets' ;;
  esac
}

# Names of interfaces or addresses of neighbours behind a word that wants them, into `words`.
_swabelctl_value() {
  case $1 in
    interface | --interface) words=$(_swabelctl_links) ;;
    neighbour | neighbor | --neighbour | --neighbor) words=$(_swabelctl_neighbours) ;;
    *) return 1 ;;
  esac
}

# The options of a table, into `words`.
_swabelctl_show() {
  case ${COMP_WORDS[COMP_CWORD - 1]} in
    --prefix) return ;;
    --*) if _swabelctl_value "${COMP_WORDS[COMP_CWORD - 1]}"; then return; fi ;;
  esac
  case ${COMP_WORDS[$1 + 1]} in
    config) words='--diff --secrets' ;;
    graph) words='--netjson --dot' ;;
    counters | rules) ;;
    events)
      case $((COMP_CWORD - $1)) in
        2) words='neighbour interface prefix' ;;
        3) _swabelctl_value "${COMP_WORDS[COMP_CWORD - 1]}" ;;
      esac ;;
    *) words='--json -w --neighbour --interface --prefix --longer --shorter' ;;
  esac
}

# Completes options of the client from position $1 on, then the request behind them.
_swabelctl_line() {
  local at=$1 word=${COMP_WORDS[COMP_CWORD]}
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case ${COMP_WORDS[at]} in
      -s | -c)
        _swabelctl_client+=("${COMP_WORDS[at]}" "${COMP_WORDS[at + 1]}")
        at=$((at + 2)) ;;
      --timeout) at=$((at + 2)) ;;
      -*) at=$((at + 1)) ;;
      *) break ;;
    esac
  done
  if [ "$at" -gt "$COMP_CWORD" ]; then
    case ${COMP_WORDS[COMP_CWORD - 1]} in
      --timeout) ;;
      *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
  elif [ "$at" = "$COMP_CWORD" ] && [ "${word:0:1}" = - ]; then
    mapfile -t COMPREPLY < <(compgen -W '-s -c --timeout -h -V' -- "$word")
  else
    _swabelctl_request "$at"
  fi
}

# bash breaks words at colons, and addresses have some: words are cut anew at blanks, and of what is
# proposed only the part behind the last colon is inserted. Calls $1.
_swabelctl_whole() {
  local line=${COMP_LINE-} begin=
  if [[ $line == *:* ]]; then
    line=${line:0:COMP_POINT}
    local -a COMP_WORDS
    read -r -a COMP_WORDS <<< "$line"
    if [[ $line == *[[:blank:]] ]]; then COMP_WORDS+=(''); fi
    local COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    if [[ ${COMP_WORDBREAKS-:} == *:* ]]; then
      begin=${COMP_WORDS[COMP_CWORD]}
      begin=${begin%"${begin##*:}"}
    fi
  fi
  COMPREPLY=()
  "$1"
  COMPREPLY=("${COMPREPLY[@]#"$begin"}")
}

_swabelctl() { _swabelctl_whole _swabelctl_words; }

_swabelctl_words() {
  local -a _swabelctl_client=("${COMP_WORDS[0]}" --timeout 1)
  _swabelctl_line 1
}

_swabeld() { _swabelctl_whole _swabeld_words; }

_swabeld_words() {
  local -a _swabelctl_client=("${COMP_WORDS[0]}" ctl --timeout 1)
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  case ${COMP_WORDS[1]} in
    ctl) if [ "$COMP_CWORD" -gt 1 ]; then _swabelctl_line 2 && return; fi ;;
    dump | monitor | show | status | explain | metrics | events | trace | capture | watch | top \
      | path | ping | flush | reload | restart | stop)
      if [ "$COMP_CWORD" -gt 1 ]; then _swabelctl_request 1 && return; fi ;;
  esac
  case $before in
    -c | -S | -I | -L | -g | -G) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    -m | -p | -h | -H | -k | -A | -M | -t | -T | -d | -C) ;;
    *)
      case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W '-m -p -h -H -k -A -r -S -g -G -l -w -M -t -T -c -C -d
              -D -L -I -V --check --explain --version --help' -- "$word") ;;
        *)
          local words
          words=$(_swabelctl_links)
          if [ "$COMP_CWORD" = 1 ]; then
            words="$words ctl keygen dump monitor show status explain metrics events trace capture
              watch top path ping flush reload restart stop"
          fi
          mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
      esac ;;
  esac
}

complete -F _swabelctl swabelctl
complete -F _swabeld swabeld
