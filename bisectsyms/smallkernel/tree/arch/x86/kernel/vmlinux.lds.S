#define KERNEL_BASE 0xffffffff81000000
#include <linux/vmlinux.lds.h>
