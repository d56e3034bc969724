# SPDX-License-Identifier: BSD-3-Clause
"""Rule files that are wrong: the text, the line and column of what is wrong, and words of the message."""


def rule(text):
    """A rule on line 3, from column 3 on."""
    return f"table inet t {{\n\tchain c {{\n\t\t{text}\n\t}}\n}}\n"


def inside(text):
    """A part of a table on line 2."""
    return f"table inet t {{\n\t{text}\n}}\n"


def base(text):
    return f"table inet t {{\n\tchain c {{\n\t\ttype filter hook {text}\n\t}}\n}}\n"


def nat(text, hook="postrouting priority 100"):
    return f"table inet t {{\n\tchain c {{\n\t\ttype nat hook {hook};\n\t\t{text}\n\t}}\n}}\n"


WRONG = [
    # translations
    (nat("snat to 10.0.0.1"), 4, 3, "in a table of the family inet, write snat ip to"),
    (nat("snat"), 4, 7, "syntax: "),
    (nat("snat ip to 10.0.0.1:80"), 4, 23, "ports can only be given behind a match on a protocol"),
    (nat("tcp dport 1 snat ip to fd00::1"), 4, 26, "is not an IPv4 address"),
    (nat("ip6 saddr ::1 snat ip to 10.0.0.1"), 4, 17, "of another family than the packets"),
    (nat("snat ip6 to ::1-1::1"), 4, 15, "is not supported by weir-fw"),
    (nat("dnat ip to 10.0.0.1"), 4, 3, "destination NAT is for chains of type nat at the hook prerouting"),
    (nat("tcp dport 1 snat ip to 10.1.0.0/24:80"), 4, 38, "a prefix takes no ports"),
    (nat("snat prefix to 10.1.0.0/24"), 4, 3, "in a table of the family inet, write snat ip to"),
    (nat("snat level to 10.1.0.0/24"), 4, 8, "'level' is no match or statement"),
    (nat("snat ip prefix to 10.1.0.0/24 random"), 4, 33, "snat prefix with random is not supported by weir-fw"),
    (nat("snat ip prefix to ip saddr map { 1.1.1.1 : 2.2.2.2 }"), 4, 3, "snat prefix to a map is not supported"),
    (nat("snat ip to ip saddr map { 1.1.1.1 : 2.2.2.2 . 80 }"), 4, 14, "ports can only be given behind a match"),
    (nat("snat ip to tcp dport map { 1 : 2.2.2.2 . 80, 2 : 2.2.2.2 }"), 4, 52, "an IPv4 address and a port, as the map"),
    (nat("snat ip to tcp dport map { 1 : 2.2.2.2 . 80 }:81"), 4, 49, "the map has ports, and there is another"),
    (nat("snat ip to tcp dport map { 1 : 2.2.2.2-2.2.2.9 }"), 4, 34, "in the data of a map are not supported"),
    (nat("snat ip to tcp dport map { 1 : 2.2.2.2 . 0 }"), 4, 44, "there is no port 0"),
    (nat("snat ip to tcp dport map { 1 : ::1 }"), 4, 34, "is not an IPv4 address"),
    (nat("masquerade", "prerouting priority -100"), 4, 3, "source NAT is for chains of type nat"),
    (nat("masquerade to 10.0.0.1"), 4, 17, "masquerade takes the address of the interface"),
    (nat("accept", "forward priority 0"), 2, 8, "type nat at the hook forward is not supported"),
    (nat("accept", "prerouting priority -200"), 2, 8, "has a priority above -200"),
    (rule("masquerade persistent accept"), 3, 25, "a statement behind a verdict has no effect"),
    # words that are not there
    (rule("tcp dprt 22 accept"), 3, 3, "'dprt' is no field of tcp, which has sport, dport"),
    (rule("tcp dport ssshh accept"), 3, 13, "'ssshh' is not a port"),
    (rule("acept"), 3, 3, "'acept' is no match or statement"),
    (rule("icmp type eco-request accept"), 3, 13, "'eco-request' is not a type of ICMP"),
    (rule("tcp flags sin drop"), 3, 13, "'sin' is not flags of TCP"),
    (rule("meta l4proto tpc drop"), 3, 16, "'tpc' is not a protocol"),
    (rule("ip dscp eff drop"), 3, 11, "'eff' is not a DSCP"),
    (rule("limit rate 10/secnd accept"), 3, 3, "'secnd' is no unit of time"),
    (rule("limit rate 10 mbites/second accept"), 3, 3, "'mbites' is no unit of a limit"),
    (rule("log level loud"), 3, 13, "'loud' is no level of a log"),
    (rule("reject with icmp no-way"), 3, 20, "'no-way' is not a code of ICMP"),
    (rule("reject with tpc reset"), 3, 3, "'tpc' is nothing to reject with"),
    (inside("chian c { }"), 2, 2, "'chian' is no part of a table"),
    ("tabel inet t {\n}\n", 1, 1, "'tabel' is no command"),
    ("table inet6 t {\n}\n", 1, 13, "syntax: 't' is unexpected"),
    (base("foreward priority 0;"), 3, 20, "'foreward' is no hook"),
    (base("forward priority filtr;"), 3, 37, "'filtr' is no priority"),
    (inside("set s { type ipv4_adr; }"), 2, 15, "'ipv4_adr' is no type of keys"),
    (inside("set s { type ipv4_addr; flags intervall; }"), 2, 32, "'intervall' is no flag"),
    # numbers and addresses
    (rule("tcp dport 65536 accept"), 3, 13, "65536 is beyond 65535"),
    (rule("ip dscp 64 accept"), 3, 11, "64 is beyond 63"),
    (rule("ip saddr 10.0.0.256 accept"), 3, 12, "'10.0.0.256' is not an IPv4 address"),
    (rule("ip saddr 10.0.0.0/33 accept"), 3, 21, "33 is beyond 32"),
    (rule("ip6 saddr fe80::/129 accept"), 3, 20, "129 is beyond 128"),
    (rule("ip saddr fe80::1 accept"), 3, 12, "'fe80::1' is not an IPv4 address"),
    (rule("ip6 saddr 10.0.0.1 accept"), 3, 13, "'10.0.0.1' is not an IPv6 address"),
    (rule("ip saddr host.example accept"), 3, 12, "'host.example' is not an IPv4 address"),
    (rule("tcp dport 80-22 accept"), 3, 13, "the range ends before it starts"),
    (rule("meta mark 0x100000000 accept"), 3, 13, "0x100000000 is beyond 4294967295"),
    (rule('iifname "a-name-that-is-long" accept'), 3, 11, "longer than an interface's name"),
    (rule("limit rate 0/second accept"), 3, 3, "a rate is from 1"),
    (rule("limit rate 5/second burst 0 packets"), 3, 23, "a burst of 0 packets"),
    # what does not go together
    (rule("tcp dport 22 udp dport 53 accept"), 3, 16, "this is for udp, but only tcp gets here"),
    (rule("ip saddr 10.0.0.1 ip6 daddr ::1 accept"), 3, 21, "this is for ip6, but only ip"),
    (rule("udp dport 53 reject with tcp reset"), 3, 16, "a reset is for tcp"),
    (rule("tcp dport 22,23 accept"), 3, 13, "several values need braces"),
    (rule("tcp dport < { 22 } accept"), 3, 3, "only == and != can be used"),
    (rule("tcp dport 22 & accept"), 3, 16, "syntax: '&' is unexpected"),
    (rule("accept counter"), 3, 10, "a statement behind a verdict has no effect"),
    (rule("ip saddr . tcp dport { 1.1.1.1 } accept"), 3, 26, "does not have 2 parts"),
    (rule("tcp dport { 22 : accept } accept"), 3, 20, "an element of a set has no data"),
    (rule("tcp dport vmap { 22, 23 : drop }"), 3, 20, "needs data behind a colon"),
    (rule("tcp dport vmap { 20-30 : accept, 22 : drop }"), 3, 36, "overlaps the one on line 3"),
    ("table ip t {\n\tchain c {\n\t\tip6 saddr ::1 drop\n\t}\n}\n", 3, 3, "only ip gets here"),
    (base("postrouting priority 0;\n\t\treject"), 4, 3, "cannot be rejected"),
    (inside("set s { type ipv4_addr; elements = { 10.0.0.0/8 } }"), 2, 39, "need a set with `flags"),
    # names
    (rule("ip saddr @nobody drop"), 3, 12, "there is no set 'nobody'"),
    (rule("jump nowhere"), 3, 3, "there is no chain 'nowhere'"),
    (rule("jump c"), 3, 3, "the jump to 'c' closes a loop"),
    (rule("ip saddr $lan drop"), 3, 12, "the variable '$lan' is not defined"),
    ("define a = 1\ndefine a = 2\n", 2, 8, "'a' is defined already, on line 1"),
    ('include "/nowhere/at/all.nft"\n', 1, 9, "cannot include '/nowhere/at/all.nft': No such file"),
    ("add rule inet nobody c accept\n", 1, 15, "there is no table inet nobody"),
    # what nft has and weir-fw does not
    ("table netdev t {\n}\n", 1, 7, "the family netdev are not supported"),
    (rule("queue num 0"), 3, 3, "queue is not supported"),
    (rule("ct mark 1 accept"), 3, 3, "ct mark is not supported"),
    (rule("fib saddr type local accept"), 3, 3, "fib is not supported"),
    (rule("@th,0,16 53 accept"), 3, 3, "raw payload expressions"),
    (rule("tcp option maxseg size 1400"), 3, 3, "tcp option is not supported"),
    (rule("ip ttl set 5"), 3, 3, "setting ip ttl is not supported"),
    (inside("flowtable f { }"), 2, 2, "flowtable is not supported"),
    (inside("counter c { }"), 2, 2, "a named counter is not supported"),
    (inside("set s { type ipv4_addr; timeout 1h; }"), 2, 26, "a timeout of elements is not"),
    (inside("set s { type ipv4_addr; flags dynamic; }"), 2, 32, "the flag dynamic are not"),
    (base("ingress device \"eth0\" priority 0;"), 3, 28, "a chain of one device is not"),
    ("list ruleset\n", 1, 1, "list is not supported"),
    # the text breaks off
    (inside("chain c {"), 4, 1, "syntax: the end of the file is unexpected"),
    (rule('log prefix "open'), 3, 14, "syntax: '\"' is unexpected"),
    (rule("tcp dport"), 3, 12, "syntax: the end of the line is unexpected"),
    (rule("tcp dport { 22 23 }"), 3, 18, "syntax: '23' is unexpected"),
]
