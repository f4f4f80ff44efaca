/* Buses by name. */
#include <linux/kernel.h>

static const char *bus_names[8];

int bus_register(const char *name)
{
	int i;

	for (i = 0; i < 8; i++) {
		if (!bus_names[i]) {
			bus_names[i] = name;
			return i;
		}
		if (!string_compare(bus_names[i], name))
			return i;
	}
	printk(error_bad_argument);
	return -1;
}
