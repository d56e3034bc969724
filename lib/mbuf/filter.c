/* SPDX-License-Identifier: BSD-3-Clause */
/* filter.c: filters of libpcap over mbufs. */
#include "mbuf/filter_impl.h"

#include "base/base_impl.h"

#include <errno.h>

#ifdef WEIR_HAVE_PCAP

#include "weir/chain.h"

#include <pcap/pcap.h>
#include <stdlib.h>

struct weir__filter {
	struct bpf_program program;
};

static int compile(struct weir__filter *filter, const char *expression)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, WEIR__FILTER_COPIED);
	int error = 0;

	if (!pcap)
		return weir__fail(ENOMEM, "no memory for a filter");
	if (pcap_compile(pcap, &filter->program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
		error = weir__fail(EINVAL, "filter \"%s\": %s", expression, pcap_geterr(pcap));
	pcap_close(pcap);
	return error;
}

struct weir__filter *weir__filter_compile(const char *expression)
{
	struct weir__filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return weir__fail_null(ENOMEM, "no memory for a filter");
	if (compile(filter, expression) == 0)
		return filter;
	free(filter);
	return NULL;
}

void weir__filter_free(struct weir__filter *filter)
{
	if (filter)
		pcap_freecode(&filter->program);
	free(filter);
}

const struct bpf_insn *weir__filter_program(const struct weir__filter *filter, uint32_t *count)
{
	*count = filter->program.bf_len;
	return filter->program.bf_insns;
}

bool weir__filter_matches(
	const struct weir__filter *filter, const struct weir_mbuf *mbuf, uint8_t *copy)
{
	uint32_t length = mbuf->data_length;
	const uint8_t *bytes = weir_mbuf_data(mbuf);

	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return false;
	if (weir_unlikely(mbuf->next)) {
		length = mbuf->length < WEIR__FILTER_COPIED ? mbuf->length : WEIR__FILTER_COPIED;
		weir_mbuf_read(mbuf, 0, copy, length);
		bytes = copy;
	}
	return bpf_filter(filter->program.bf_insns, bytes, weir_mbuf_wire_length(mbuf), length) !=
	       0;
}

#else

struct weir__filter *weir__filter_compile(const char *expression)
{
	return weir__fail_null(ENOTSUP,
		"filter \"%s\": weir was built without libpcap, which filters come from",
		expression);
}

void weir__filter_free(struct weir__filter *filter)
{
	(void)filter;
}

const struct bpf_insn *weir__filter_program(const struct weir__filter *filter, uint32_t *count)
{
	(void)filter;
	*count = 0;
	return NULL;
}

bool weir__filter_matches(
	const struct weir__filter *filter, const struct weir_mbuf *mbuf, uint8_t *copy)
{
	(void)filter;
	(void)mbuf;
	(void)copy;
	return false;
}

#endif
