"""Reports that attack whoever reads them, from a grammar of attacks and of the places where a report holds values."""

from __future__ import annotations

import base64
import gzip
import random

SHELL = (
    "$(touch {canary})",
    "`touch {canary}`",
    "; touch {canary}",
    "| sh -c 'touch {canary}'",
    "&& touch {canary}",
    "${{IFS}}",
)
MAKE = (
    "$(shell touch {canary})",
    "$(eval x:=$(shell touch {canary}))",
    "--eval=$(shell touch {canary})",
    "-f/tmp/Makefile",
)
PATHS = (
    "../../../..",
    "/etc/passwd",
    "~/.ssh/id_rsa",
    "..%2f..%2f",
    "file:///etc/passwd",
    "{canary}",
    "a/../../b",
    "@{{-1}}",
)
GIT = (
    "--upload-pack=touch {canary}",
    "ext::sh -c touch% {canary}",
    "-oProxyCommand=touch {canary}",
    "--output={canary}",
)
HEADER = (
    "\r\nBcc: victim@example.org",
    "=?utf-8?q?=0D=0ABcc:_victim@example.org?=",
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\u202egnp",
)
MARKUP = ("<script>alert(1)</script>", "[x](javascript:alert(1))", "!!python/object/apply:os.system ['touch {canary}']")
YAML = (
    "\nplan: reproduce\ncommit: evil",
    ": {{a: b}}",
    "&a *a",
    "# x\nmake_variables: {{SHELL: x}}",
    '"',
    "'",
    "%TAG ! x",
)
ATTACKS = (
    *SHELL,
    *MAKE,
    *PATHS,
    *GIT,
    *HEADER,
    *MARKUP,
    *YAML,
    "\0",
    "\u2028commit: x",
    "-",
    "--",
    "A" * 5000,
    "\ud7ff\ufffe",
)

HONEST = {
    "tree:": "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git master",
    "branch:": "master",
    "commit:": "7273ad2b08f8ac9563579d16a3cf528857b26f49 kbuild: link everything",
    "git describe:": "v6.1-rc3-12-g7273ad2b08f8",
    "kernel version:": "6.1.0-rc3",
    "author:": "A B <a@example.org>",
    "config:": "arm-s3c6400_defconfig (https://example.org/config)",
    "defconfig:": "s3c6400_defconfig",
    "arch:": "arm",
    "compiler:": "arm-linux-gnueabi-gcc (GCC) 13.2.0",
    "jobs:": "5",
    "patch subject:": "[PATCH] kbuild: link",
    "#regzbot introduced:": "v6.0..v6.1-rc1",
    "first bad commit:": "[7273ad2b08f8] kbuild",
    "link:": "https://lore.kernel.org/all/1@x",
    "reported-by:": "A B <a@example.org>",
}
COMMANDS = (
    "make {v} s3c6400_defconfig vmlinux",
    "{v} make -j5",
    "$ make ARCH=arm {v}",
    "I ran `make {v} -j5` here",
    "tuxmake --target-arch arm --toolchain {v} --kconfig tinyconfig",
    "tuxmake --kconfig {v} --kconfig-add {v} {v}",
    "COMPILER={v} make.cross W=1 O={v} ARCH={v} SHELL={v}",
    "git checkout {v}",
    "git remote add x {v}",
    "git clone -b {v} {v}",
    'failed to run ["make" "{v}" "-j" "{v}"]: exit status 2',
    "Building arm:{v} ... failed",
    "## {v} on (arm):",
    "{v} defconfig on ARM with gcc {v}, HEAD is {v}",
)
VARIABLES = (
    "CC",
    "LD",
    "SHELL",
    "CONFIG_SHELL",
    "KCFLAGS",
    "O",
    "CROSS_COMPILE",
    "LLVM",
    "ARCH",
    "W",
    "M",
    "HOSTCC",
    "FOO",
)
OPTIONS = (
    "INITRAMFS_SOURCE", "CMDLINE", "LOCALVERSION", "MODULE_SIG_HASH", "CROSS_COMPILE", "SHELL", "EXTRA_FIRMWARE_DIR",
    "SYSTEM_TRUSTED_KEYS", "BUILTIN_DTB_NAME", "DEFAULT_HOSTNAME", "CC_VERSION_TEXT", "UEVENT_HELPER_PATH",
)  # fmt: skip


def attack(rng: random.Random, canary: str) -> str:
    """One attack, alone or around an honest word."""
    text = rng.choice(ATTACKS).format(canary=canary)
    honest = rng.choice(
        ("", "", "arm", "gcc-13", "v6.1", "7273ad2b08f8", "s3c6400_defconfig", "https://example.org/x.git")
    )
    return rng.choice((text, honest + text, f"{text} {honest}", f"'{text}'"))


def report(seed: int, canary: str) -> bytes:
    """The mail of `seed`; every fourth attacks by its .config."""
    rng = random.Random(seed)
    lines = ["Hello,", "", "Inconsistent kallsyms data", ""]
    for label, honest in HONEST.items():
        if rng.random() < 0.7:
            lines.append(f"{label} {attack(rng, canary) if rng.random() < 0.5 else honest}")
    for command in rng.sample(COMMANDS, 6):
        bad = attack(rng, canary)
        lines.append(command.format(v=rng.choice((bad, f"{rng.choice(VARIABLES)}={bad}"))))
    subject = rng.choice((attack(rng, canary), "Inconsistent kallsyms data"))
    body = "\n".join(lines)
    date = rng.choice((attack(rng, canary), "Tue, 2 Aug 2011 12:00:00 +0000"))
    head = f"From: {attack(rng, canary)} <a@example.org>\nSubject: {subject}\nDate: {date}\nMessage-ID: <{date}@x>\n"
    if seed % 4:
        charset = rng.choice(("utf-8", "zlib", "../../x", "unicode_escape", "undefined", "idna", "\x1b[2J"))
        return f'{head}Content-Type: text/plain; charset="{charset}"\n\n{body}\n'.encode(errors="replace")
    head = "From: A <a@example.org>\nSubject: x\n"  # honest, or the rest might be no mail
    return f"{head}{_with_config(rng, canary, body)}".encode(errors="replace")


def _with_config(rng: random.Random, canary: str, body: str) -> str:
    lines = [
        "CONFIG_ARM=y",
        "CONFIG_SMP=y",
        "CONFIG_KALLSYMS=y",
        "CONFIG_MMU=y",
        "CONFIG_BUG=y",
        "# CONFIG_NET is not set",
    ]
    for name in rng.sample(OPTIONS, 6):
        mark = rng.choice(('"', '"', '"', "", "'"))
        lines.append(f"CONFIG_{name}={mark}{attack(rng, canary)}{mark}")
    lines += rng.sample((f"include {canary}", f"$(shell touch {canary})", "CONFIG_X=y\r", f"all:\n\ttouch {canary}"), 2)
    content = "\n".join(lines).encode(errors="replace")
    if rng.random() < 0.5:
        content = gzip.compress(content)
    name = rng.choice(
        ("config", ".config", "config.gz", "../../config", "/etc/passwd", attack(rng, canary).replace("\n", " "))
    )
    encoded = base64.encodebytes(content).decode()
    return (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n'
        f"{body}\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="{name}"\n\n{encoded}\n--b--\n'
    )
