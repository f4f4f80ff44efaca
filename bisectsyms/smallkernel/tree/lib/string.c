/* Strings. */
#include <linux/kernel.h>

u32 string_length(const char *s)
{
	u32 length = 0;

	while (s[length])
		length++;
	return length;
}

int string_compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}
