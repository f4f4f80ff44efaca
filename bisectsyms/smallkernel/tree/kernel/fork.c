/* Tasks: a fixed table of them. */
#include <linux/kernel.h>

#define TASKS 32

static u8 task_used[TASKS];
int task_parent[TASKS];

noinline int task_find_free(void)
{
	int i;

	for (i = 0; i < TASKS; i++)
		if (!task_used[i])
			return i;
	return -1;
}

int fork_task(int parent)
{
	int task = task_find_free();

	if (task < 0) {
		printk(error_no_memory);
		return -1;
	}
	task_used[task] = 1;
	task_parent[task] = parent;
	return task;
}
