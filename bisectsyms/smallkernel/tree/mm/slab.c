/* Objects of one size from a static heap. */
#include <linux/kernel.h>

#define OBJECTS 64

static u8 slab_heap[OBJECTS][64];
static u8 slab_used[OBJECTS];

void *slab_alloc(u32 size)
{
	int i;

	if (size > sizeof(slab_heap[0]))
		return NULL;
	for (i = 0; i < OBJECTS; i++)
		if (!slab_used[i]) {
			slab_used[i] = 1;
			return slab_heap[i];
		}
	printk(error_no_memory);
	return NULL;
}

void slab_free(void *object)
{
	slab_used[((u8 *)object - slab_heap[0]) >> 6] = 0;
}
