/* What arm does before anything else. */
#include <linux/kernel.h>

u32 cpu_features;

noinline u32 cpu_detect(void)
{
	return cpu_features | 1;
}

void arch_setup(void)
{
	cpu_features = cpu_detect();
}
