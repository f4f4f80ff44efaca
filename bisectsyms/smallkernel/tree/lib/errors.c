/* What the kernel says when it cannot. */
#include <linux/kernel.h>

MESSAGE(error_io, "bad\n");
MESSAGE(error_again, "again\n");
MESSAGE(error_busy, "it is busy\n");
MESSAGE(error_exists, "it exists\n");
MESSAGE(error_no_task, "no such task\n");
MESSAGE(error_no_memory, "out of memory\n");
MESSAGE(error_bad_argument, "an argument is bad\n");
MESSAGE(error_no_space, "no space left on the device\n");
MESSAGE(error_not_empty, "the directory has files\n");
MESSAGE(error_read_only, "the file system is read-only\n");
MESSAGE(error_no_device, "there was no device of that name\n");
MESSAGE(error_too_long, "the name is longer than a name may be\n");
MESSAGE(error_too_many, "there are as many files as there can be\n");
MESSAGE(error_not_ready, "the device is not ready, and may never be\n");
MESSAGE(error_bad_sum, "the sum over the block is not the one stored\n");
MESSAGE(error_timeout, "the device gave no answer in the time it was allowed\n");
MESSAGE(error_no_slot, "all the slots of the table are taken; free one of them\n");
MESSAGE(error_version, "the module was made for a kernel of another version, go\n");

/* Where the messages end. */
const char error_end[1] __packed_in(".messages.end") = "";
