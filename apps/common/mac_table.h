/* SPDX-License-Identifier: BSD-3-Clause */
/* mac_table.h: which station is behind which port, as a learning bridge knows it.
 *
 * The table has a fixed number of places. Where there is no free one, the station that was silent
 * the longest, of a few, makes room: it is found again by flooding. Any thread
 * may learn and find at any time.
 */
#ifndef MAC_TABLE_H
#define MAC_TABLE_H

#include <stdint.h>

#define MAC_LENGTH 6

/* No station, or no port known for it. */
#define MAC_TABLE_UNKNOWN UINT32_MAX

struct mac_table;

/* Make a table of count places, rounded up to a power of two, whose entries are forgotten age_ns
 * after the last frame of their station. NULL without memory. */
struct mac_table *mac_table_create(uint32_t count, uint64_t age_ns);
void mac_table_destroy(struct mac_table *table);

/* The station at mac was heard on port, below 65536, at now_ns; its old port, if any, is forgotten.
 */
void mac_table_learn(
	struct mac_table *table, const uint8_t mac[MAC_LENGTH], uint32_t port, uint64_t now_ns);

/* The port it is behind, or MAC_TABLE_UNKNOWN. */
uint32_t mac_table_find(
	const struct mac_table *table, const uint8_t mac[MAC_LENGTH], uint64_t now_ns);

/* Stations known and not aged, and those that had to make room. */
uint32_t mac_table_count(const struct mac_table *table, uint64_t now_ns);
uint64_t mac_table_evictions(const struct mac_table *table);

#endif
