#define KERNEL_BASE 0xffff800008000000
#include <linux/vmlinux.lds.h>
