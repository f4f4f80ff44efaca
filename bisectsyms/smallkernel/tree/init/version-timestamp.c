/* The banner: compiled anew for every link. */
#include <linux/kernel.h>
#include <generated/compile.h>
#include <generated/utsrelease.h>
#include <generated/utsversion.h>

const char linux_banner[] __packed_in(".banner") =
	"Linux version " UTS_RELEASE " (" LINUX_COMPILE_BY "@" LINUX_COMPILE_HOST ") (" LINUX_COMPILER ") "
	UTS_VERSION "\n";
