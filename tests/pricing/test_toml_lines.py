"""On which line each key of a TOML text stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.pricing.toml_lines import lines

TEXT = r'''# a comment = [[not]] a table
title = "a # b = [c]"  # after

[[prices]]
model = ["a", "b", # inside
         "c"]
'quoted.key' = 'C:\'
"esc\u0061ped" = "say \"hi\" # no"
long_context = [
  { above = 1, "input" = "2" },

  { above = 2, rates.input = [ 1, [ 2 ] ] },
]

[ prices . "sub table" ]
x.y = """
key = 1 \"""
""""
z = 2026-10-01 10:00:00

[[ prices ]]
text = \'\'\'
[[prices]] '' = 0\'\'\'
[[prices.inner]]
n = 1
[[prices.inner]]
n = 1_000.5
[last]
empty = {}
none = []
'''.replace(r"\'\'\'", "'''")

EXPECTED = {
    ("title",): 2,
    ("prices",): 4,
    ("prices", 0): 4,
    ("prices", 0, "model"): 5,
    ("prices", 0, "model", 0): 5,
    ("prices", 0, "model", 1): 5,
    ("prices", 0, "model", 2): 6,
    ("prices", 0, "quoted.key"): 7,
    ("prices", 0, "escaped"): 8,
    ("prices", 0, "long_context"): 9,
    ("prices", 0, "long_context", 0): 10,
    ("prices", 0, "long_context", 0, "above"): 10,
    ("prices", 0, "long_context", 0, "input"): 10,
    ("prices", 0, "long_context", 1): 12,
    ("prices", 0, "long_context", 1, "above"): 12,
    ("prices", 0, "long_context", 1, "rates"): 12,
    ("prices", 0, "long_context", 1, "rates", "input"): 12,
    ("prices", 0, "long_context", 1, "rates", "input", 0): 12,
    ("prices", 0, "long_context", 1, "rates", "input", 1): 12,
    ("prices", 0, "long_context", 1, "rates", "input", 1, 0): 12,
    ("prices", 0, "sub table"): 15,
    ("prices", 0, "sub table", "x"): 16,
    ("prices", 0, "sub table", "x", "y"): 16,
    ("prices", 0, "sub table", "z"): 19,
    ("prices", 1): 21,
    ("prices", 1, "text"): 22,
    ("prices", 1, "inner"): 24,
    ("prices", 1, "inner", 0): 24,
    ("prices", 1, "inner", 0, "n"): 25,
    ("prices", 1, "inner", 1): 26,
    ("prices", 1, "inner", 1, "n"): 27,
    ("last",): 28,
    ("last", "empty"): 29,
    ("last", "none"): 30,
}


def paths(value, path=()):
    """Every path of a parsed text."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from paths(inner, (*path, key))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_key_of_a_text_with_everything(ending):
    text = TEXT.replace("\n", ending)
    assert lines(text) == EXPECTED
    assert set(EXPECTED) == set(paths(tomllib.loads(text)))


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "  \n # nothing\n\n"])
def test_a_text_without_keys(text):
    assert lines(text) == {}


def test_a_last_line_without_an_end():
    assert lines("a = 1\nb = 2") == {("a",): 1, ("b",): 2}


keys = st.sampled_from(["a", "b-1", '"q # ="', "'l]'", '"\\""'])
scalars = st.sampled_from(
    [
        *("1", "-2.5e3", "true", "2026-01-01", "1979-05-27 07:32:00Z"),
        *('"a\\"#]},"', "'#,]'", '""', "''"),
        *('"""\nx = 1\n"q" ""\\" """', "'''\n[t]\n'' '''", '"""a"""""'),
    ]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # c ]\n" + ",\n".join(items) + "\n]")
        | st.dictionaries(keys, inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"{key} = {item}" for key, item in items.items()) + " }"
        )
    ),
    max_leaves=8,
)
tables = st.dictionaries(keys, values, max_size=3)


@given(st.lists(tables, max_size=4))
def test_what_the_parser_finds_has_a_line_that_names_it(parts):
    text = ""
    for part in parts:
        text += "[[t]]\n" + "".join(f"{key} = {value}\n" for key, value in part.items())
    parsed = tomllib.loads(text)
    found = lines(text)
    assert set(found) == set(paths(parsed))
    rows = text.split("\n")
    for path, line in found.items():
        if len(path) == 2:
            assert rows[line - 1] == "[[t]]"
        elif len(path) == 3:
            key = path[2].replace('"', '\\"')
            assert rows[line - 1].startswith((f"{key} =", f'"{key}" =', f"'{key}' ="))
