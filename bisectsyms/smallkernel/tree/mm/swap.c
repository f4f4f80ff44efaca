/* Where pages go that nobody looks at. */
#include <linux/kernel.h>

u32 swap_slots[64];

noinline u32 swap_out(u32 page)
{
	u32 slot = page & 63;

	swap_slots[slot] = page;
	return slot;
}

noinline u32 swap_in(u32 slot)
{
	return swap_slots[slot & 63];
}

void swap_init(void)
{
	swap_slots[0] = swap_in(swap_out(1));
}
