# Completion of swabelmesh for bash.

_swabelmesh_commands='init check write show rekey remove invite join accept diff apply graph page
  help version'

# The nodes of the list: $1.
_swabelmesh_nodes() {
  command sed -n 's/^[[:space:]]*node[[:space:]]\{1,\}\([a-z0-9-]\{1,\}\).*/\1/p' "$1" \
    2> /dev/null | command sort -u
}

# Folders of nodes that were brought here: $1 is the output, if it was named.
_swabelmesh_folders() {
  local plan plans=("${1:-mesh.out}"/*/plan)
  [ "$1" ] || plans+=(*/plan)
  for plan in "${plans[@]}"; do
    plan=${plan%/plan}
    [ -e "$plan/plan" ] && echo "${plan##*/}"
  done
}

_swabelmesh() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local list=mesh.conf output= command= argument= place words=
  for ((place = 1; place < COMP_CWORD; place++)); do
    case ${COMP_WORDS[place]} in
      -f | --list) list=${COMP_WORDS[++place]} ;;
      -o | --output) output=${COMP_WORDS[++place]} ;;
      -s | --state | --key | --expires | --wait | --to | --since | --title | --serve) ((place++)) ;;
      -*) ;;
      *) if [ -z "$command" ]; then command=${COMP_WORDS[place]}; else argument=1; fi ;;
    esac
  done
  COMPREPLY=()
  case $before in
    -f | --list | --key | --since) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    -s | --state | -o | --output) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    --expires | --wait) words='10m 1h 1d' ;;
    *)
      case $word in
        -*)
          words='--list --state --output --help --version'
          case $command in
            invite) words+=' --expires' ;;
            join) words+=' --key' ;;
            apply) words+=' --dry-run --wait' ;;
            graph) words+=' --svg --dot --netjson --to --since --title' ;;
            page) words+=' --to --since --title --serve' ;;
          esac ;;
        *)
          case $command in
            '') words=$_swabelmesh_commands ;;
            rekey | remove | invite) [ "$argument" ] || words=$(_swabelmesh_nodes "$list") ;;
            graph | page) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
            diff | apply) [ "$argument" ] || words=$(_swabelmesh_folders "$output") ;;
          esac ;;
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _swabelmesh swabelmesh
