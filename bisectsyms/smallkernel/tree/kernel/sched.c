/* The scheduler: whose turn it is, weighed by what each has had. */
#include <linux/kernel.h>

u32 sched_spent[32];

/* What a turn costs, by rank. */
const u32 sched_cost[41] = {
	4096, 3481, 2959, 2515, 2138, 1817, 1544, 1313,
	1116, 948, 806, 685, 582, 495, 420, 357,
	304, 258, 219, 186, 158, 134, 114, 97,
	82, 70, 59, 50, 43, 36, 31, 26,
	22, 19, 16, 13, 11, 10, 8, 8, 7,
};

noinline u32 sched_weight(int task)
{
	return sched_spent[task] * sched_cost[task];
}

int sched_pick(void)
{
	int i, best = 0;

	for (i = 1; i < 32; i++)
		if (sched_weight(i) < sched_weight(best))
			best = i;
	sched_spent[best]++;
	return best;
}
