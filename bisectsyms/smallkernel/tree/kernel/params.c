/* The command line of the kernel. */
#include <linux/kernel.h>

static u32 params_seen;

noinline int param_one(const char *text, u32 length)
{
	if (!length)
		return -1;
	params_seen++;
	return text[0];
}

int param_parse(const char *line)
{
	u32 start = 0, i;

	for (i = 0; line[i]; i++)
		if (line[i] == ' ') {
			if (param_one(line + start, i - start) < 0)
				printk(error_bad_argument);
			start = i + 1;
		}
	return param_one(line + start, i - start);
}
