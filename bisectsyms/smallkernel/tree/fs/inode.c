/* A cache of inodes. */
#include <linux/kernel.h>

u32 inode_cache[64];

int inode_get(u32 number)
{
	u32 slot = number & 63;

	if (inode_cache[slot] != number)
		inode_cache[slot] = number;
	return slot;
}

void inode_drop(u32 slot)
{
	inode_cache[slot & 63] = 0;
}
