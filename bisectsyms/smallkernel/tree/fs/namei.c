/* Paths to inodes. */
#include <linux/kernel.h>

noinline u32 namei_hash(const char *name, u32 length)
{
	u32 hash = 5381;

	while (length--)
		hash = hash * 33 + (u8)*name++;
	return hash;
}

int namei_lookup(const char *path)
{
	u32 start = 0, i;
	int inode = 2;

	for (i = 0; i <= string_length(path); i++)
		if (path[i] == '/' || !path[i]) {
			inode = inode_get(inode ^ namei_hash(path + start, i - start));
			start = i + 1;
		}
	return inode;
}
