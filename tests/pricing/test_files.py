"""A file of prices, read."""

import pytest

from infraprism.pricing import PriceFileError, Problem, load
from infraprism.pricing.book_text import parse
from tests.support.prices import EXAMPLE


def test_a_file(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(EXAMPLE)
    expected = parse(EXAMPLE, "prices.toml")
    assert vars(load(path)) == vars(load(str(path))) == vars(expected)


def test_a_byte_order_mark_is_none_of_it(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.encode())
    assert vars(load(path)) == vars(parse(EXAMPLE, "prices.toml"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, Problem(0, "", "cannot be read: No such file or directory")),
        (b"a = 1\n# \xff\n", Problem(2, "", "is not UTF-8")),
        (b"name = 1", Problem(1, "name", "must be a text of 1 to 200 printable characters")),
        (b"x = " + b"[" * 100_000, Problem(0, "", "is nested too deeply")),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, content, problem):
    path = tmp_path / "prices.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PriceFileError) as raised:
        load(path)
    assert (raised.value.source, raised.value.problems) == (str(path), (problem,))
    assert str(raised.value) == f"{path}: {problem}"


def test_a_folder(tmp_path):
    with pytest.raises(PriceFileError, match="cannot be read: Is a directory"):
        load(tmp_path)
