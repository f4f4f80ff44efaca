/*
 * kallsyms MAP: write the table of symbols as assembler source.
 *
 * The size of the table follows from the number and the names of the symbols alone, never from their
 * addresses: only so the second pass has the size of the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sym {
	unsigned long long address;
	char type;
	char name[256];
};

static struct sym *table;
static unsigned int count;
static unsigned long long base;

static int is_ignored(const struct sym *s)
{
	if (s->type == 'A')
		return 1;
	/* Tables of this program: their own addresses say nothing to a reader of a trace. */
	return !strncmp(s->name, "kallsyms_", 9);
}

static void read_map(const char *path)
{
	FILE *in = fopen(path, "r");
	struct sym s;

	if (!in) {
		perror(path);
		exit(1);
	}
	while (fscanf(in, "%llx %c %255s", &s.address, &s.type, s.name) == 3) {
		if (!strcmp(s.name, "_text"))
			base = s.address;
		if (is_ignored(&s))
			continue;
		if (!(count & (count - 1)))
			table = realloc(table, (count ? 2 * count : 1) * sizeof(s));
		if (!table) {
			fprintf(stderr, "kallsyms failure: out of memory\n");
			exit(1);
		}
		table[count++] = s;
	}
	fclose(in);
	if (!base || !count) {
		fprintf(stderr, "kallsyms failure: no symbols in %s\n", path);
		exit(1);
	}
}

static void label(const char *name)
{
	printf("\t.balign 4\n\t.globl %s\n%s:\n", name, name);
}

static void write_addresses(void)
{
	unsigned int i;

	label("kallsyms_offsets");
	for (i = 0; i < count; i++) {
		unsigned long long offset = table[i].address - base;

		if (offset > 0xffffffffULL) {
			fprintf(stderr, "kallsyms failure: relative symbol value 0x%llx out of range in relative mode\n",
				table[i].address);
			exit(1);
		}
		printf("\t.long %llu\n", offset);
	}
}

static void write_names(void)
{
	unsigned int i, place = 0;

	label("kallsyms_names");
	for (i = 0; i < count; i++)
		printf("\t.byte %u\n\t.ascii \"%c%s\"\n", (unsigned int)strlen(table[i].name) + 1,
		       table[i].type, table[i].name);
	label("kallsyms_markers");
	for (i = 0; i < count; i++) {
		if (i % 16 == 0)
			printf("\t.long %u\n", place);
		place += strlen(table[i].name) + 2;
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: kallsyms MAP\n");
		return 1;
	}
	read_map(argv[1]);
	printf("\t.section .kallsyms, \"a\"\n");
	label("kallsyms_num_syms");
	printf("\t.long %u\n", count);
	write_addresses();
	write_names();
	printf("\t.section .note.GNU-stack, \"\", %%progbits\n");
	return 0;
}
