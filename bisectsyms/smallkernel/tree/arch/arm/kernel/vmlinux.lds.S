#define KERNEL_BASE 0xc0008000
#include <linux/vmlinux.lds.h>
