/* Signals: one bit each, per task. */
#include <linux/kernel.h>

u32 signal_pending[32];

int signal_send(int task, int number)
{
	if (task < 0 || task > 31) {
		printk(error_no_task);
		return -1;
	}
	signal_pending[task] |= 1u << (number & 31);
	return 0;
}

int signal_next(int task)
{
	u32 bits = signal_pending[task & 31];
	int i;

	for (i = 0; i < 32; i++)
		if (bits & (1u << i))
			return i;
	return -1;
}
