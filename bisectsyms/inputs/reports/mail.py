"""A mail's bytes to a letter, with the standard library's email, and nothing in it believed.

Charsets come from a list, because Python has codecs that are no charsets; parts are counted; a mail with too many
boundaries is read as plain text, because the parser goes down one call for each.
"""

from __future__ import annotations

import contextlib
import email.errors
import email.header
import email.utils
import html.parser
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from bisectsyms.core.reportfields import shown
from bisectsyms.inputs.reports.letter import Attachment, Letter, Line, quoted_lines
from bisectsyms.inputs.reports.stream import Kept

MOST_PARTS = 60
MOST_BOUNDARIES = 40
"""Of a mail; each is a call deeper while it is parsed."""
LONGEST_LINE = 4000
"""Characters; no line of a report that says anything is longer."""
_CHARSET = re.compile(
    r"(?:utf-?8|us-ascii|ascii|(?:iso|x-iso)[-_]?8859[-_]?\d{1,2}|latin-?1|(?:windows|cp)-?125\d|koi8-[ru]|gb2312|gbk|gb18030"
    r"|big5|euc-(?:jp|kr)|iso-2022-jp|shift_jis)",
    re.IGNORECASE,
)
_HEADERS = re.compile(rb"(?:From |(?:[A-Za-z][A-Za-z0-9-]{0,50}):)")
_OF_A_MAIL = re.compile(
    rb"^(?:from|date|subject|message-id|received|return-path|mime-version):", re.IGNORECASE | re.MULTILINE
)


def is_mail(content: bytes) -> bool:
    """Whether it begins with the headers of a mail, and not with the text of a page."""
    head = re.split(rb"\r?\n\r?\n", content.lstrip(b"\r\n"), maxsplit=1)[0][: 64 << 10]
    lines = head.splitlines()
    if not lines or not _HEADERS.match(lines[0]):
        return False
    proper = all(_HEADERS.match(line) or line[:1] in b" \t" for line in lines)
    return proper and len({match.lower() for match in _OF_A_MAIL.findall(head)}) >= 2


def read_mail(kept: Kept, number: int) -> list[Letter]:
    """A mail as a letter, and those that it forwards; never fails, what cannot be read is in the notes."""
    notes = ["part of it is left out: it is too long"] if kept.cut else []
    content = kept.content.lstrip(b"\r\n")
    low = content.lower()
    if low.count(b"boundary=") > MOST_BOUNDARIES or low.count(b"message/rfc822") > MOST_BOUNDARIES:
        notes.append("it is nested too deeply: read as plain text")
        head, _, body = content.partition(b"\n\n")
        content = re.sub(rb"(?im)^(?:content-|mime-).*(?:\n[ \t].*)*\n?", b"", head + b"\n") + b"\n" + body
    message = BytesParser(policy=compat32).parsebytes(content)
    return _letters(
        message, number, f"mail {number + 1}", kept.cut, notes, content[: content.find(b"\n\n") + 2].count(b"\n")
    )


def _letters(message: Message, number: int, place: str, cut: bool, notes: list[str], head: int) -> list[Letter]:
    """`head` is the number of lines of the header, because people count lines in the file."""
    sender = _header(message, "From")
    lines: list[Line] = []
    attachments: list[Attachment] = []
    forwarded: list[Letter] = []
    parts = list(_parts(message))
    plain = any(part.get_content_type() == "text/plain" for part in parts)
    for index, part in enumerate(parts):
        if index >= MOST_PARTS:
            notes.append(f"it has more than {MOST_PARTS} parts: the others are not read")
            break
        where = place if not lines else f"{place}, part {index + 1}"
        name = shown(_decoded(str(part.get_filename() or "")), 100).replace("/", "_")
        kind, charset = part.get_content_type(), _named_charset(part)
        if kind == "message/rfc822" and part.is_multipart():
            inner = [one for one in list(part.get_payload()) if isinstance(one, Message)]
            forwarded += [
                one for child in inner for one in _letters(child, number, f"{place}, forwarded", cut, notes, 0)
            ]
            continue
        body = _bytes(part)
        if name or (kind not in ("text/plain", "text/html") and body):
            attachments.append(Attachment(name or kind, body, f"{place}, attachment {name or kind}", cut))
        elif kind == "text/plain" or (kind == "text/html" and not plain):
            if not _CHARSET.fullmatch(charset):
                notes.append(f"the charset {shown(charset, 40)!r} is not taken: read as UTF-8")
            text = _text(body, charset)
            text = without_tags(text) if kind == "text/html" else text
            first = head + 1 if len(parts) == 1 else 1
            lines += quoted_lines(_flowed(part, text), where, number, _name(sender), first=first)
    moment, day = _when(_header(message, "Date"))
    letter = Letter(
        number,
        name=place,
        sender=sender,
        subject=_header(message, "Subject"),
        date=day,
        moment=moment,
        message_id=message_id_in(_header(message, "Message-ID")),
        answers=message_id_in(_header(message, "In-Reply-To")),
        recipients=" ".join(_header(message, name) for name in ("To", "Cc", "List-Id")),
        lines=tuple(lines),
        attachments=tuple(attachments),
        notes=tuple(notes),
    )
    return [letter, *forwarded]


def _parts(message: Message) -> Iterator[Message]:
    """The leaves and the mails that are forwarded whole, in order, without recursion."""
    stack = [message]
    while stack:
        part = stack.pop()
        if part.is_multipart() and (part.get_content_type() != "message/rfc822" or part is message):
            children = part.get_payload()
            stack += [child for child in reversed(list(children)) if isinstance(child, Message)]
        else:
            yield part


def _header(message: Message, name: str) -> str:
    return shown(_decoded(str(message.get(name, ""))), 2000 if name in ("To", "Cc") else 300)


def _decoded(text: str) -> str:
    """RFC 2047 words as text; what is no such word, or names no charset, stays as it is."""
    if "=?" not in text or len(text) > 10_000:
        return text
    try:
        pieces = email.header.decode_header(text)
    except (ValueError, email.errors.HeaderParseError):
        return text
    return "".join(
        piece if isinstance(piece, str) else piece.decode(_charset(charset), errors="replace")
        for piece, charset in pieces
    )


def _charset(name: str | None) -> str:
    return name if name and _CHARSET.fullmatch(name) else "utf-8"


def _bytes(part: Message) -> bytes:
    """What a part holds, its transfer encoding undone."""
    try:
        payload = part.get_payload(decode=True)
    except (UnicodeError, LookupError, ValueError):  # it tries the charset that the part names, whatever that is
        part.replace_header("Content-Type", "text/plain; charset=utf-8")
        payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", errors="replace")
    except (LookupError, UnicodeError):
        return body.decode("utf-8", errors="replace")


def _named_charset(part: Message) -> str:
    param = part.get_param("charset") or "utf-8"
    return email.utils.collapse_rfc2231_value(param) if isinstance(param, tuple) else str(param)


def _flowed(part: Message, text: str) -> list[str]:
    """Lines; of format=flowed those that were one line put together again. (RFC 3676)"""
    lines = [line[:LONGEST_LINE] for line in text.replace("\r\n", "\n").split("\n")]
    if str(part.get_param("format", "")).casefold() != "flowed":
        return lines
    joined: list[str] = []
    soft = False
    for line in lines:
        text_of_line = line.removeprefix(" ") if not line.startswith(">") else line
        if soft and not line.startswith(">") and len(joined[-1]) < LONGEST_LINE:
            joined[-1] += text_of_line
        else:
            joined.append(text_of_line)
        soft = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return joined


def _when(text: str) -> tuple[float, str]:
    """(seconds since 1970, ISO day) of a Date:, in the zone that it names."""
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return moment.timestamp(), moment.date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return 0.0, ""


def message_id_in(text: str) -> str:
    """The first Message-ID in a text, angle brackets included; empty if there is none."""
    match = re.search(r"<[^<>\s]{3,250}>", text)
    return match[0] if match else ""


def _name(sender: str) -> str:
    return email.utils.parseaddr(sender)[0] or sender


def without_tags(text: str) -> str:
    """The text of HTML, as far as its first 2 MiB go; never fails."""
    stripper = _Stripper()
    with contextlib.suppress(AssertionError):  # Python's parser asserts that a marked section has a name
        stripper.feed(text[: 2 << 20])
    return "".join(stripper.text)


class _Stripper(html.parser.HTMLParser):
    """Keeps text; blocks end lines, and what is no text for people is dropped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "head"):
            self._hidden += 1
        elif tag in ("br", "p", "div", "tr", "li", "pre", "h1", "h2", "h3", "blockquote"):
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "head"):
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)
