/* SPDX-License-Identifier: BSD-3-Clause */
/* symbol.c: names for addresses: by libdw of elfutils where it was there at build time, else by
 * dladdr(), which knows exported names only.
 */
#include "symbol_impl.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#ifdef WEIR_HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>
#endif

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "program+0x1234", which addr2line -e program 0x1234 takes. */
static void find_by_object(void *address, struct weir__symbol *symbol)
{
	Dl_info info;

	if (!dladdr(address, &info) || !info.dli_fname) {
		snprintf(symbol->place, sizeof(symbol->place), "%p", address);
		return;
	}
	snprintf(symbol->place, sizeof(symbol->place), "%s+0x%tx", base_of(info.dli_fname),
		(char *)address - (char *)info.dli_fbase);
	if (info.dli_sname)
		snprintf(symbol->function, sizeof(symbol->function), "%s", info.dli_sname);
}

static const void *object_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* An address of ours, and of the program's. */
static const void *own_address(void)
{
	return (const void *)(uintptr_t)weir__symbol_find;
}

static const void *program_entry(void)
{
	return (const void *)(uintptr_t)getauxval(AT_ENTRY);
}

#ifdef WEIR_HAVE_LIBDW

static char *debug_path; /* NULL: the places that libdw looks in by itself */

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debug_path,
};

struct weir__symbols {
	Dwfl *dwfl;
};

struct weir__symbols *weir__symbols_open(void)
{
	struct weir__symbols *symbols = malloc(sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->dwfl = dwfl_begin(&callbacks);
	if (symbols->dwfl && dwfl_linux_proc_report(symbols->dwfl, getpid()) == 0 &&
		dwfl_report_end(symbols->dwfl, NULL, NULL) == 0)
		return symbols;
	weir__symbols_close(symbols);
	return NULL;
}

void weir__symbols_close(struct weir__symbols *symbols)
{
	if (symbols && symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols);
}

/* "../examples/leak.c" and "/src/build/../examples/leak.c" are examples/leak.c, seen from the top
 * of their sources. */
static const char *shorten(const char *path)
{
	const char *up;

	while ((up = strstr(path, "../")))
		path = up + 3;
	return path;
}

static void set_place(struct weir__symbol *symbol, const char *file, int line)
{
	snprintf(symbol->place, sizeof(symbol->place), "%s:%d", shorten(file), line);
}

static void set_function(struct weir__symbol *symbol, const char *name)
{
	if (name)
		snprintf(symbol->function, sizeof(symbol->function), "%s", name);
}

/* The scopes of an address, innermost first, inlined calls among them. */
static int find_scopes(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die **scopes)
{
	Dwarf_Die innermost;
	int count = dwarf_getscopes(unit, address, scopes);

	if (count <= 0)
		return 0;
	innermost = (*scopes)[0];
	free(*scopes);
	count = dwarf_getscopes_die(&innermost, scopes);
	return count > 0 ? count : 0;
}

/* The line that an inlined function was called in. */
static bool find_call(Dwarf_Die *unit, Dwarf_Die *inlined, struct weir__symbol *symbol)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file, line;
	Dwarf_Files *files;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) ||
		dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) ||
		dwarf_getsrcfiles(unit, &files, NULL))
		return false;
	set_place(symbol, dwarf_filesrc(files, file, NULL, NULL), (int)line);
	return true;
}

/* Out of the inlined calls of our headers, whose names start with weir_. */
static void leave_inlines(Dwarf_Die *unit, Dwarf_Addr address, struct weir__symbol *symbol)
{
	Dwarf_Die *scopes = NULL;
	int count = find_scopes(unit, address, &scopes);

	for (int i = 0; i < count; i++) {
		int tag = dwarf_tag(&scopes[i]);
		const char *name;

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		name = dwarf_diename(&scopes[i]);
		set_function(symbol, name);
		if (tag == DW_TAG_subprogram || !name || strncmp(name, "weir_", 5) != 0 ||
			!find_call(unit, &scopes[i], symbol))
			break;
	}
	free(scopes);
}

void weir__symbol_find(struct weir__symbols *symbols, void *address, struct weir__symbol *symbol)
{
	/* one back: the call itself, not what comes after it */
	Dwarf_Addr call = (Dwarf_Addr)(uintptr_t)address - 1, bias;
	Dwfl_Module *module = symbols ? dwfl_addrmodule(symbols->dwfl, call) : NULL;
	Dwfl_Line *line = module ? dwfl_module_getsrc(module, call) : NULL;
	Dwarf_Die *unit = module ? dwfl_module_addrdie(module, call, &bias) : NULL;
	const char *file;
	int number;

	symbol->function[0] = '\0';
	find_by_object(address, symbol);
	if (module)
		set_function(symbol, dwfl_module_addrname(module, call));
	symbol->is_main = strcmp(symbol->function, "main") == 0;
	file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	if (file)
		set_place(symbol, file, number);
	if (unit)
		leave_inlines(unit, call - bias, symbol);
}

/* Where the sources of the code at an address lie, seen from where they were compiled. */
static const char *unit_name(struct weir__symbols *symbols, const void *address)
{
	Dwarf_Addr bias, call = (Dwarf_Addr)(uintptr_t)address;
	Dwfl_Module *module = dwfl_addrmodule(symbols->dwfl, call);
	Dwarf_Die *unit = module ? dwfl_module_addrdie(module, call, &bias) : NULL;

	return unit ? dwarf_diename(unit) : NULL;
}

/* Is it lib/... or drivers/... of the tree that we are lib/mempool/symbol.c of? */
static bool is_own_unit(struct weir__symbols *symbols, void *address)
{
	const char *own = symbols ? unit_name(symbols, own_address()) : NULL;
	const char *other = symbols ? unit_name(symbols, address) : NULL;
	size_t top;

	if (!own || !other || !strstr(own, "lib/mempool/"))
		return false;
	top = (size_t)(strstr(own, "lib/mempool/") - own);
	return strncmp(own, other, top) == 0 &&
	       (strncmp(other + top, "lib/", 4) == 0 || strncmp(other + top, "drivers/", 8) == 0);
}

#else

struct weir__symbols *weir__symbols_open(void)
{
	return NULL;
}

void weir__symbols_close(struct weir__symbols *symbols)
{
	(void)symbols;
}

void weir__symbol_find(struct weir__symbols *symbols, void *address, struct weir__symbol *symbol)
{
	(void)symbols;
	symbol->function[0] = '\0';
	find_by_object(address, symbol);
	symbol->is_main = strcmp(symbol->function, "main") == 0;
}

static bool is_own_unit(struct weir__symbols *symbols, void *address)
{
	(void)symbols;
	(void)address;
	return false;
}

#endif

bool weir__symbol_is_inside(struct weir__symbols *symbols, void *address)
{
	const void *own = object_of(own_address());
	struct weir__symbols *opened;
	bool inside;

	if (object_of(address) != own)
		return false;
	if (own != object_of(program_entry()))
		return true;
	if (symbols)
		return is_own_unit(symbols, address);
	opened = weir__symbols_open();
	inside = is_own_unit(opened, address);
	weir__symbols_close(opened);
	return inside;
}
