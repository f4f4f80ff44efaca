/* Names for addresses, from the tables of scripts/kallsyms; the first link has none of them. */
#include <linux/kernel.h>

extern const u32 kallsyms_num_syms __weak;
extern const u32 kallsyms_offsets[] __weak;
extern const u8 kallsyms_names[] __weak;
extern const u32 kallsyms_markers[] __weak;
extern const char _text[];

noinline u32 kallsyms_offset(u32 index)
{
	return kallsyms_offsets[index];
}

noinline const u8 *kallsyms_entry(u32 index)
{
	const u8 *entry = kallsyms_names + kallsyms_markers[index >> 4];

	for (index &= 15; index; index--)
		entry += *entry + 1;
	return entry;
}

const char *kallsyms_lookup(unsigned long address)
{
	u32 offset = address - (unsigned long)_text;
	u32 i;

	for (i = 0; i + 1 < kallsyms_num_syms; i++)
		if (kallsyms_offset(i) <= offset && offset < kallsyms_offset(i + 1))
			return (const char *)kallsyms_entry(i) + 2;
	return NULL;
}
