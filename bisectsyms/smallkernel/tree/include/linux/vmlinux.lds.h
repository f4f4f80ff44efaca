/*
 * The image. The kallsyms tables stand before the banner and the messages: these have no alignment, so
 * each of their symbols moves with every byte of the tables and of the version string.
 */
ENTRY(start_kernel)
SECTIONS
{
	. = KERNEL_BASE;
	_text = .;
	.text : { _stext = .; *(.text .text.*) _etext = .; }
	. = ALIGN(4096);
	.rodata : {
		__start_rodata = .;
		*(.rodata .rodata.*)
		*(.kallsyms)
		*(.banner)
		*(.messages)
		*(.messages.end)
	}
	. = ALIGN(64);
	__end_rodata = .;
	.data : { _sdata = .; *(.data .data.*) _edata = .; }
	. = ALIGN(64);
	.bss : { __bss_start = .; *(.bss .bss.*) __bss_stop = .; }
	. = ALIGN(64);
	_end = .;
	/DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame) *(.ARM.exidx*) *(.ARM.extab*) }
}
