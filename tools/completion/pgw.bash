# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# pgw.bash - bash completion for pgw(8). Names come from the gateway, if one is reachable.
#
# The functions below add words to the array `candidates` of _pgw, and read from there `command`
# (pgw and its -r option) and `words` (the command line up to the word that is completed).

_pgw_options="-Version -human -statistics -details -oneline -brief -timestamp -json -pretty
	-color -rundir -batch -force -yes -help"
_pgw_objects="portgroup address route pool nat datacenter service allow vrack-block vmac server tunnel-gateway tunnel-key tunnel endpoint api ntp relay application credential audit set gateway task hosts session client
	neighbour stats config monitor replay explain doctor version help"
_pgw_filter="internal-src-address internal-src-port internal-dst-address internal-dst-port
	external-src-address external-src-port external-dst-address external-dst-port
	src sport dst dport protocol state id portgroup pool service"
_pgw_events="revision link datapath sessions-ended backend tunnel endpoint tunnel-gateway relay mended conflict address neighbour
	revert-pending confirmed reverted not-saved started task no-history all"

_pgw_add() { # WORD...
	candidates+=("$@")
}

_pgw_add_list() { # "WORD WORD..."
	# shellcheck disable=SC2206 # a list of words
	candidates+=($1)
}

# _pgw_names OBJECT MEMBER - the values of a member of all items of an object
_pgw_names() {
	local names
	mapfile -t names < <(timeout 2 "${command[@]}" -j "$1" show 2>/dev/null |
		grep -o "\"$2\":\\(\"[^\"]*\"\\|[0-9][0-9]*\\)" | sed "s/^\"$2\"://; s/\"//g")
	candidates+=("${names[@]}")
}

# _pgw_revisions - those that are kept
_pgw_revisions() {
	local numbers
	mapfile -t numbers < <(timeout 2 "${command[@]}" -j config log 2>/dev/null |
		grep -o '"revision":[0-9]*' | sed 's/.*://')
	candidates+=("${numbers[@]}")
}

# _pgw_keys OBJECT - what its items are named by
_pgw_keys() {
	case $1 in
	portgroup | pool | service | server | application | tunnel-gateway | tunnel-key) _pgw_names "$1" name ;;
	api) _pgw_names api listen ;;
	credential) _pgw_names credential credential-id ;;
	datacenter) _pgw_names datacenter id ;;
	vrack-block) _pgw_names vrack-block network ;;
	gateway) _pgw_names gateway datacenter-id ;;
	task) _pgw_names task task-id ;;
	address | neighbour | ntp) _pgw_names "$1" address ;;
	relay) _pgw_names relay id ;;
	tunnel) _pgw_names tunnel id ;;
	endpoint) _pgw_names endpoint port ;;
	route) _pgw_names route to ;;
	nat) _pgw_names nat number ;;
	allow) _pgw_names allow network ;;
	vmac) _pgw_names vmac mac ;;
	esac
}

# _pgw_commands OBJECT - what may follow an object
_pgw_commands() {
	case $1 in
	portgroup | address | route | pool | nat | datacenter | service | allow | vrack-block | vmac | server | api | ntp | application | tunnel-key)
		_pgw_add show add del
		[ "$1" != vmac ] || _pgw_add check
		;;
	credential) _pgw_add show add validate refuse del ;;
	session) _pgw_add show del ;;
	set)
		_pgw_add show timer flow-capacity icmp-rate connection-limits mapping-limits \
			creation-rate mss-clamp dead-flow access-policy session-log metrics \
			threshold duplicate-detection vmac-quota workers
		;;
	client | neighbour | stats | audit | relay | endpoint) _pgw_add show ;;
	tunnel-gateway) _pgw_add show add del activate deactivate refresh ;;
	tunnel) _pgw_add show kick ;;
	gateway) _pgw_add show enable disable reconfigure ;;
	task) _pgw_add show wait cancel reset schedule ;;
	hosts) _pgw_add show ;;
	config) _pgw_add show check diff apply confirm undo log save ;;
	monitor) _pgw_add_list "$_pgw_events" ;;
	help) _pgw_add_list "$_pgw_objects" ;;
	esac
	_pgw_add help
}

# _pgw_keywords OBJECT COMMAND - what may stand where a keyword may
_pgw_keywords() {
	case "$1 $2" in
	"portgroup show") _pgw_add name state dev vlan realm mtu mac ifindex last-hop reverse-path \
		offload offload-state io io-state ;;
	"portgroup add") _pgw_add dev realm vlan last-hop reverse-path offload io ;;
	"address show") _pgw_add address portgroup use interface state datacenter \
		detection conflict-mac ;;
	"address add") _pgw_add portgroup datacenter ;;
	"address del") _pgw_add portgroup ;;
	"route show") _pgw_add to via portgroup ;;
	"route add" | "route del") _pgw_add via ;;
	"pool show") _pgw_add name external-ip-address ports mapping-type filtering-type port-quota ;;
	"pool add")
		_pgw_add external-ip-address ports mapping-type filtering-type port-quota \
			address-allocation-type
		;;
	"nat show")
		_pgw_add number from to protocol pool flows flows-created flows-refused packets bytes
		;;
	"nat add") _pgw_add from to protocol pool nat-pass-through ;;
	"service show")
		_pgw_add name address protocol port balance backends check path interval timeout \
			rise fall dead down states datacenter internet-address private-address host-names \
			sni proxy-protocol
		;;
	"service add")
		_pgw_add address protocol port backend balance check path interval timeout rise fall \
			dead down datacenter internet-address private-address host-name sni proxy-protocol
		;;
	"datacenter show") _pgw_add id service-name name gateway description ;;
	"datacenter add") _pgw_add service-name name gateway description ;;
	"server show") _pgw_add name portgroup ;;
	"server add") _pgw_add portgroup ;;
	"tunnel-gateway show")
		_pgw_add name state tunnels endpoints inside from address balance token-since fingerprint \
			bytes-in bytes-out connections-total connections-failed clients-refused
		;;
	"tunnel-gateway add") _pgw_add address inside from listen balance certificate key ;;
	"tunnel-key show") _pgw_add name gateway key ;;
	"tunnel-key add") _pgw_add gateway key ;;
	"tunnel show")
		_pgw_add id stage connector transport remote-address since endpoints connections bytes-in \
			bytes-out connections-total connections-failed version last-error
		;;
	"endpoint show")
		_pgw_add port protocol stage address state since tunnels connections bytes-in bytes-out \
			connections-total connections-failed clients-refused datagrams-dropped
		;;
	"api show") _pgw_add listen scheme host-name pid state certificate fingerprint ;;
	"api add") _pgw_add scheme certificate key host-name ;;
	"application show") _pgw_add name application-key role creation description ;;
	"application add") _pgw_add role description key secret-file ;;
	"credential show")
		_pgw_add credential-id application state creation from last-use validation-code rules
		;;
	"credential add") _pgw_add rule ;;
	"vrack-block show") _pgw_add network ;;
	"ntp show") _pgw_add address servers state ;;
	"ntp add") _pgw_add server ;;
	"relay show")
		_pgw_add id state service name client listener source backend rcvd-bytes sent-bytes \
			age-ms idle-ms encrypted-hello
		;;
	"allow show") _pgw_add network description ;;
	"allow add") _pgw_add description ;;
	"vmac show") _pgw_add mac address portgroup type name interface state ;;
	"vmac add") _pgw_add auto address portgroup type name ;;
	"vmac del") _pgw_add address ;;
	"neighbour show") _pgw_add address portgroup mac state ;;
	"session show") _pgw_add_list "$_pgw_filter limit count" ;;
	"session del") _pgw_add_list "$_pgw_filter limit all" ;;
	"client show") _pgw_add limit ;;
	"stats show") _pgw_add gateway portgroup drops relay workers pauses all ;;
	"set flow-capacity" | "set icmp-rate" | "set vmac-quota") _pgw_add default ;;
	"set connection-limits" | "set mapping-limits" | "set creation-rate") _pgw_add off default ;;
	"set mss-clamp") _pgw_add off path default ;;
	"set dead-flow") _pgw_add drop rst default ;;
	"set access-policy") _pgw_add filtered open default ;;
	"set session-log") _pgw_add off ipfix file default ;;
	"set metrics") _pgw_add off 127.0.0.1:9469 default ;;
	"set threshold") _pgw_add off default ;;
	"set workers") _pgw_add auto default ;;
	"set duplicate-detection") _pgw_add off announce probe default ;;
	"gateway enable") _pgw_add address portgroup no-wait ;;
	"gateway disable") _pgw_add force no-wait ;;
	"gateway reconfigure") _pgw_add address portgroup to no-wait ;;
	"task show")
		_pgw_add task-id name state progress datacenter-id network server created-by \
			created-from service execution-date end-date reason steps
		;;
	"task reset") _pgw_add reason ;;
	"task schedule") _pgw_add at ;;
	"config apply") _pgw_add revert-in base comment ;;
	"config undo") _pgw_add base comment ;;
	monitor*) _pgw_add_list "$_pgw_events" ;;
	esac
}

# _pgw_values OBJECT COMMAND KEYWORD - what may follow a keyword; fails if it takes no value
_pgw_values() {
	case "$1 $3" in
	stats* | set* | monitor* | *" nat-pass-through" | *" count" | *" all" | *" no-wait" | *" force")
		return 1
		;;
	"gateway to") _pgw_names datacenter id ;;
	"api scheme") _pgw_add https http ;;
	"api state") _pgw_add up down ;;
	"application role") _pgw_add read operate admin ;;
	"credential rule") _pgw_add GET POST PUT DELETE ;;
	"credential state") _pgw_add pendingValidation validated refused expired ;;
	"credential application") _pgw_names application name ;;
	*" realm") _pgw_add private vsphere internet ;;
	*" last-hop" | *" reverse-path") _pgw_add on off ;;
	*" offload") _pgw_add auto tc xdp off ;;
	*" io") _pgw_add packet xdp ;;
	*" io-state") _pgw_add packet packet-xdp xdp ;;
	*" offload-state") _pgw_add tc xdp off ;;
	*" mapping-type") _pgw_add eim edm ;;
	*" filtering-type") _pgw_add eif adf edf ;;
	*" address-allocation-type") _pgw_add paired ;;
	*" balance") _pgw_add round-robin least-connections source-hash ;;
	"service check") _pgw_add tcp tls http icmp ;;
	"service dead") _pgw_add keep reset move ;;
	"service down") _pgw_add silence reset icmp ;;
	"service proxy-protocol") _pgw_add v2 ;;
	"relay state") _pgw_add hello connecting greeting relaying leaving ;;
	"nat protocol") _pgw_add tcp udp icmp any ;;
	"service protocol") _pgw_add tcp udp ;;
	"session protocol") _pgw_add tcp udp icmp ;;
	"session state")
		_pgw_add syn-sent syn-both established fin-initiator fin-responder closed reset \
			replied unreplied
		;;
	"portgroup state") _pgw_add up down absent ;;
	"address state") _pgw_add present missing probing conflict ;;
	"vmac state") _pgw_add present missing ;;
	"vmac type") _pgw_add vmware ovh ;;
	"config base") _pgw_revisions ;;
	"config revert-in") _pgw_add 60s 5m 10m 1h ;;
	*" portgroup" | *" pool" | "session service") _pgw_names "$3" name ;;
	"service datacenter" | "address datacenter") _pgw_names datacenter id ;;
	"datacenter service-name") _pgw_names datacenter service-name ;;
	"portgroup dev") _pgw_add_list "$(command ls /sys/class/net 2>/dev/null)" ;;
	esac
}

# _pgw_pending OBJECT COMMAND ARGUMENT... - prints the keyword whose value comes next, if one does
_pgw_pending() {
	local candidates=() object=$1 command=$2
	shift 2
	_pgw_keywords "$object" "$command"
	case "$object $command" in
	session* | stats* | set* | monitor*) ;;
	*" show") [[ " ${candidates[*]} " == *" ${1-} "* ]] || shift ;; # a key, if it is no field
	*) shift ;;
	esac
	while (($# > 1)); do
		case $1 in
		nat-pass-through | count | all | no-wait | force) shift ;;
		*) shift 2 ;;
		esac
	done
	echo "${1-}"
}

# _pgw_arguments OBJECT COMMAND ARGUMENT... - what may follow these arguments
_pgw_arguments() {
	local pending
	case "$1 $2" in
	"config check") files=1 ;;
	"config show")
		[ $# -gt 2 ] || _pgw_revisions
		return 0
		;;
	"config diff")
		[ $# -gt 2 ] || _pgw_revisions
		files=1
		;;
	"config apply") [ $# -gt 2 ] || files=1 ;;
	"config undo") [ $# -gt 2 ] || _pgw_revisions ;;
	"config "*) return 0 ;;
	"set timer")
		case $# in
		2)
			_pgw_add udp-timeout tcp-idle-timeout tcp-trans-open-timeout \
				tcp-trans-close-timeout tcp-in-syn-timeout fragment-min-timeout \
				icmp-timeout hold-down-timeout
			;;
		3) _pgw_add default ;;
		esac
		;;
	"set session-log")
		case $#/${3-} in
		2/) _pgw_keywords "$1" "$2" ;;
		3/file) files=1 ;;
		4/*) _pgw_add destinations ;;
		5/*) _pgw_add on off ;;
		esac
		;;
	"set metrics")
		case $# in
		2) _pgw_keywords "$1" "$2" ;;
		3) _pgw_add remote ;;
		4) _pgw_add on off ;;
		esac
		;;
	session* | stats* | set* | monitor*) [ $# -gt 2 ] || _pgw_keywords "$1" "$2" ;;
	"credential add") [ $# -gt 2 ] || _pgw_names application name ;;
	*" add") ;; # a new name
	*" show")
		[ $# -gt 2 ] || _pgw_keys "$1"
		[ $# -gt 2 ] || _pgw_keywords "$1" "$2"
		;;
	*) [ $# -gt 2 ] || _pgw_keys "$1" ;;
	esac
	[ $# -gt 2 ] || return 0
	pending=$(_pgw_pending "$@")
	if [ -z "$pending" ] || ! _pgw_values "$1" "$2" "$pending"; then
		_pgw_keywords "$1" "$2"
	fi
}

# _pgw_replay - its arguments are options; bash takes NAME=FILE as three words
_pgw_replay() {
	local i
	case $current in
	-*)
		_pgw_add -c -i -o -m -n -j --any-mac --mtu --seed --linger --report
		return
		;;
	esac
	case ${words[-1]} in
	-c | --report | =) files=1 ;;
	-i | -o | -m | --mtu)
		_pgw_names portgroup name
		for i in "${!candidates[@]}"; do candidates[i]+="="; done
		;;
	replay) _pgw_add help ;;
	esac
}

# _pgw_explain - keywords, each with a value, in any order
_pgw_explain() {
	case ${words[-1]} in
	from | to) ;;
	protocol) _pgw_add tcp udp icmp ;;
	portgroup) _pgw_names portgroup name ;;
	*) _pgw_add from to protocol portgroup help ;;
	esac
}

_pgw() {
	local command=("${COMP_WORDS[0]}") candidates=() files=0 at=1
	local words=("${COMP_WORDS[@]:0:COMP_CWORD}") current=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	while ((at < COMP_CWORD)) && [[ ${words[at]} == -?* ]]; do
		case ${words[at]} in
		-r* | --r*)
			command+=(-r "${words[at + 1]-}")
			((at += 2))
			;;
		-ba* | --ba*) ((at += 2)) ;;
		*) ((at += 1)) ;;
		esac
	done
	if ((at > COMP_CWORD)); then
		files=1 # the value of -rundir or -batch
	elif ((at == COMP_CWORD)); then
		_pgw_add_list "$_pgw_objects $_pgw_options"
	elif [[ ${words[at]} == replay ]]; then
		_pgw_replay
	elif [[ ${words[at]} == explain ]]; then
		_pgw_explain
	elif ((at + 1 == COMP_CWORD)); then
		_pgw_commands "${words[at]}"
	else
		_pgw_arguments "${words[@]:at}"
	fi
	mapfile -t COMPREPLY < <(
		compgen -W "${candidates[*]}" -- "$current"
		((!files)) || compgen -f -- "$current"
	)
}
complete -F _pgw pgw
