"""On which line of a TOML text each key stands: the standard parser does not say."""

from __future__ import annotations

import re
from bisect import bisect_right

#: Names of tables and keys, and positions in arrays, from the outside in.
Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: What no value begins with: spaces, and comments up to the end of their line.
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
#: The four kinds of text, the longer quotes first.
_TEXTS = (
    re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each table, key and element of an array in `text`, which is valid TOML."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Path, int] = {}
        #: How many tables each array of tables has by now.
        self._counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._blank()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._blank()
        return self._found

    def _header(self) -> Path:
        began = self._at
        of_array = self._text.startswith("[[", began)
        self._at += 2 if of_array else 1
        path: Path = ()
        keys = self._keys()
        self._at += 2 if of_array else 1
        for place, key in enumerate(keys):
            path = (*path, key)
            if of_array and place == len(keys) - 1:
                self._note(path, began)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
            self._note(path, began)
        return path

    def _pair(self, table: Path) -> None:
        began = self._at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, began)
        self._at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._blank()
            if (bare := _BARE.match(self._text, self._at)) is not None:
                keys.append(bare.group())
                self._at = bare.end()
            else:
                keys.append(_plain(self._quoted()))
            self._blank()
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        self._blank()
        first = self._text[self._at]
        if first == "[":
            self._many("]", path)
        elif first == "{":
            self._many("}", path)
        elif first in "\"'":
            self._quoted()
        elif (scalar := _SCALAR.match(self._text, self._at)) is not None:
            self._at = scalar.end()

    def _many(self, end: str, path: Path) -> None:
        """Pass an array, or a table in braces."""
        self._at += 1
        count = 0
        self._blank()
        while self._text[self._at] != end:
            if end == "]":
                self._note((*path, count), self._at)
                self._value((*path, count))
            else:
                self._pair(path)
            count += 1
            self._blank()
            if self._text[self._at] == ",":
                self._at += 1
                self._blank()
        self._at += 1

    def _quoted(self) -> str:
        for kind in _TEXTS:
            if (match := kind.match(self._text, self._at)) is not None:
                self._at = match.end()
                return match.group()
        raise ValueError("not valid TOML")

    def _blank(self) -> None:
        if (match := _BLANK.match(self._text, self._at)) is not None:
            self._at = match.end()

    def _note(self, path: Path, position: int) -> None:
        self._found.setdefault(path, bisect_right(self._starts, position))


def _plain(quoted: str) -> str:
    """What a quoted key says."""
    if quoted[0] == "'" or "\\" not in quoted:
        return quoted[1:-1]
    import tomllib

    [key] = tomllib.loads(f"{quoted} = 0")
    return key
