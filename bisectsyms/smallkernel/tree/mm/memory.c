/* Pages, one bit each. */
#include <linux/kernel.h>

u32 memory_bitmap[128];

noinline int memory_page_used(u32 page)
{
	return (memory_bitmap[(page >> 5) & 127] >> (page & 31)) & 1;
}

u32 memory_map(u32 first, u32 count)
{
	u32 page, done = 0;

	for (page = first; page < first + count; page++)
		if (!memory_page_used(page)) {
			memory_bitmap[(page >> 5) & 127] |= 1u << (page & 31);
			done++;
		}
	return done;
}
