/* Where the kernel starts: a boot that would reach its first task. */
#include <linux/kernel.h>

static int boot_state = 1;

noinline int boot_stage(int stage)
{
	boot_state = boot_state * 3 + stage;
	return boot_state;
}

void start_kernel(void)
{
	arch_setup();
	printk(linux_banner);
	boot_stage(1);
	param_parse("console=tty0 quiet");
	bus_register("platform");
#ifdef CONFIG_SWAP
	swap_init();
#endif
	if (namei_lookup("/sbin/init") >= 0)
		fork_task(0);
	for (;;)
		boot_stage(sched_pick());
}
