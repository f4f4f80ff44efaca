#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

typedef unsigned int u32;
typedef unsigned char u8;
#define NULL ((void *)0)
#define noinline __attribute__((noinline))
#define __weak __attribute__((weak))
#define __packed_in(name) __attribute__((section(name), aligned(1), used))

/* A message that stands in the image under its own name, close to its neighbours. */
#define MESSAGE(name, text) const char name[] __packed_in(".messages") = text

u32 string_length(const char *s);
int string_compare(const char *a, const char *b);
void printk(const char *s);
const char *kallsyms_lookup(unsigned long address);
void *slab_alloc(u32 size);
void slab_free(void *object);
u32 memory_map(u32 first, u32 count);
int sched_pick(void);
int fork_task(int parent);
int signal_send(int task, int number);
int param_parse(const char *line);
int namei_lookup(const char *path);
int inode_get(u32 number);
int bus_register(const char *name);
void tty_put(char c);
void arch_setup(void);
void swap_init(void);

extern const char linux_banner[];
extern const char error_no_memory[], error_no_task[], error_bad_argument[];

#endif
