"""Writes the tables of the spaCy tokenizer: `classes.txt`, `specials.txt` and `units.txt`.

usage: python tables.py     (needs spacy 3.8 and datatrove 0.10 from PyPI, Python 3.11)

The tables are computed with the libraries themselves and not copied from their sources: each code point
is tested with the compiled rules, and each special case is tokenized with and without the special cases.
"""

import re
import sys
import unicodedata
from pathlib import Path

import spacy
from datatrove.utils.text import PUNCTUATION, TERMINAL_PUNCTUATION
from spacy.attrs import ORTH
from spacy.lang import char_classes
from spacy.pipeline import Sentencizer
from spacy.tokenizer import Tokenizer

HERE = Path(__file__).parent
NLP = spacy.blank("en")
TOKENIZER = NLP.tokenizer


def one_of(pattern: str):
    """Returns a test whether a character is in a set of characters of the rules."""
    return lambda c, search=re.compile(f"[{pattern}]").fullmatch: search(c) is not None


def category(prefix: str):
    """Returns a test whether the general category of a character starts with a prefix."""
    return lambda c: unicodedata.category(c).startswith(prefix)


# The classes of a character, from the lowest bit. `../classes.rs` names them in the same order.
BITS = [
    # Always split off at the start, at the end, or in the middle of a chunk. A plus sign and a full stop
    # are excluded, because they depend on their neighbours.
    lambda c: c not in "+." and TOKENIZER.find_prefix(c) == 1,
    lambda c: c not in "+." and TOKENIZER.find_suffix(c) == 1,
    lambda c: c not in "+." and bool(TOKENIZER.find_infix(c)),
    one_of(char_classes.ALPHA),
    one_of(char_classes.ALPHA_LOWER),
    one_of(char_classes.ALPHA_UPPER),
    one_of(char_classes.CONCAT_QUOTES),
    # A full stop after it is split off.
    lambda c: TOKENIZER.find_suffix(c + ".") == 1,
    category("P"),
    str.isalpha,
    lambda c: c in PUNCTUATION,
    lambda c: c in TERMINAL_PUNCTUATION,
    lambda c: c in Sentencizer.default_punct_chars,
    str.isspace,
    lambda c: re.fullmatch(r"\w", c) is not None,
    lambda c: re.fullmatch(r"\d", c) is not None,
]


def classes() -> str:
    """Lines `first last bits`, in hexadecimal, for runs of code points with the same bits. Runs without
    bits are omitted."""
    runs: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code <= 0xDFFF:
            continue
        c = chr(code)
        bits = sum(1 << at for at, has in enumerate(BITS) if has(c))
        if runs and runs[-1][1] == code - 1 and runs[-1][2] == bits:
            runs[-1][1] = code
        elif bits:
            runs.append([code, code, bits])
    return "".join(f"{a:x} {b:x} {bits:x}\n" for a, b, bits in runs)


def specials() -> str:
    """Lines `pieces` or `pieces TAB pattern`: the tokens of a special case, and, if the second pass must
    search for it, the tokens into which the rules alone split it. Tokens are separated by spaces."""
    plain = Tokenizer(
        NLP.vocab,
        prefix_search=TOKENIZER.prefix_search,
        suffix_search=TOKENIZER.suffix_search,
        infix_finditer=TOKENIZER.infix_finditer,
        url_match=TOKENIZER.url_match,
    )
    lines = []
    for key, tokens in sorted(TOKENIZER.rules.items()):
        if any(c.isspace() for c in key):
            continue  # White space does not become a token.
        line = " ".join(token[ORTH] for token in tokens)
        if TOKENIZER.find_prefix(key) or TOKENIZER.find_infix(key) or TOKENIZER.find_suffix(key):
            pattern = [token.text for token in plain(key)]
            if len(pattern) > 1:
                line += "\t" + " ".join(pattern)
            else:
                assert len(tokens) == 1, key
        lines.append(line)
    return "\n".join(lines) + "\n"


def units() -> str:
    """The units of measure and currencies that are split off after a digit, one on each line."""
    found = re.sub(r"\\(.)", r"\1", char_classes.UNITS + "|" + char_classes.CURRENCY).split("|")
    for unit in found:
        assert TOKENIZER.find_suffix("1" + unit) == len(unit), unit
    return "\n".join(sorted(set(found))) + "\n"


def main() -> None:
    assert TOKENIZER.token_match is None
    (HERE / "classes.txt").write_text(classes(), encoding="utf-8")
    (HERE / "specials.txt").write_text(specials(), encoding="utf-8")
    (HERE / "units.txt").write_text(units(), encoding="utf-8")


if __name__ == "__main__":
    main()
