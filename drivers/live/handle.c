/* SPDX-License-Identifier: BSD-3-Clause */
/* handle.c: handles of libpcap, and what to do when there is none. */
#include "live_impl.h"

#include <errno.h>
#include <limits.h>

/* Numbers that Linux has for what is 101 and 100 in files (LINKTYPE_RAW, LINKTYPE_ATM_RFC1483);
 * all others that it gives are the same. */
static uint16_t link_type_of(int dlt)
{
	switch (dlt) {
	case DLT_RAW:
		return 101;
	case DLT_ATM_RFC1483:
		return 100;
	}
	return (uint16_t)dlt;
}

static int no_privilege(const struct live *live, const char *why)
{
	char path[PATH_MAX];
	/* libpcap opens packet sockets, and netlink for nflog and nfqueue */
	const char *capability = strncmp(live->name, "nf", 2) == 0 ? "net_admin" : "net_raw";

	return weir__fail(EPERM,
		"%s: capturing needs the capability cap_%s: run as root, or once `sudo setcap "
		"cap_%s+ep %s` (%s)",
		live->port->name, capability, capability, weir__program(path, sizeof(path)), why);
}

/* What pcap_activate() says, as a sentence. */
static int cannot_open(const struct live *live, pcap_t *pcap, int code)
{
	const char *why = pcap_geterr(pcap), *name = live->name;

	if (!*why)
		why = pcap_statustostr(code);
	switch (code) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return no_privilege(live, why);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return weir__fail(ENODEV,
			"%s: there is nothing called '%s' to capture from (%s); `tcpdump -D` lists "
			"what there is",
			live->port->name, name, why);
	case PCAP_ERROR_IFACE_NOT_UP:
		return weir__fail(ENETDOWN, "%s: %s is down; `sudo ip link set %s up`",
			live->port->name, name, name);
	}
	return weir__fail(EIO, "%s: %s", live->port->name, why);
}

static pcap_t *create(const struct live *live)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_create(live->name, error);

	if (!pcap)
		weir__fail(ENODEV, "%s: %s", live->port->name, error);
	return pcap;
}

static int activate(const struct live *live, pcap_t *pcap)
{
	char error[PCAP_ERRBUF_SIZE];
	int code = pcap_activate(pcap); /* above 0: it works, but not all of it */

	if (code < 0)
		return cannot_open(live, pcap, code);
	if (pcap_setnonblock(pcap, 1, error) != 0)
		return weir__fail(EIO, "%s: %s", live->port->name, error);
	return 0;
}

/* In the kernel where that can; libpcap does it otherwise. */
static int set_filter(const struct live *live, const char *expression)
{
	struct bpf_program program;
	int error = 0;

	if (pcap_compile(live->capture, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return weir__fail(EINVAL, "%s: filter \"%s\": %s", live->port->name, expression,
			pcap_geterr(live->capture));
	if (pcap_setfilter(live->capture, &program) != 0)
		error = weir__fail(EINVAL, "%s: filter \"%s\": %s", live->port->name, expression,
			pcap_geterr(live->capture));
	pcap_freecode(&program);
	return error;
}

int weir__live_open_capture(struct live *live, const struct live_wants *wants)
{
	pcap_t *pcap = create(live);
	int error;

	if (!pcap)
		return -ENODEV;
	live->capture = pcap;
	pcap_set_snaplen(pcap, (int)wants->snaplen);
	pcap_set_promisc(pcap, wants->promiscuous);
	pcap_set_immediate_mode(pcap, wants->immediate);
	/* until a block that is not full is handed over: libpcap's are of 256 KiB, so those of the
	 * default buffer last for 640 ms in which nobody receives */
	pcap_set_timeout(pcap, 10);
	pcap_set_buffer_size(pcap, (int)wants->buffer);
	/* not all can; microseconds then */
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	error = activate(live, pcap);
	if (error)
		return error;
	live->nanoseconds = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
	live->link_type = link_type_of(pcap_datalink(pcap));
	if (wants->direction != PCAP_D_INOUT && pcap_setdirection(pcap, wants->direction) != 0)
		return weir__fail(ENOTSUP, "%s: %s cannot tell directions: %s", live->port->name,
			live->name, pcap_geterr(pcap));
	return wants->filter ? set_filter(live, wants->filter) : 0;
}

int weir__live_open_injector(struct live *live)
{
	/* receives nothing */
	struct bpf_insn nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct bpf_program program = {.bf_len = 1, .bf_insns = &nothing};
	int error;

	live->injector = create(live);
	if (!live->injector)
		return -ENODEV;
	pcap_set_snaplen(live->injector, 1);
	error = activate(live, live->injector);
	if (!error && pcap_setfilter(live->injector, &program) != 0)
		error = weir__fail(EIO, "%s: %s", live->port->name, pcap_geterr(live->injector));
	return error;
}
