"""From a text to a tree: ``beta_P > 2 and not (device = lixcoo2 or tag = bad)``.

::

    query      = both ("or" both)*
    both       = term ("and" term)*
    term       = "not" term | "(" query ")" | comparison
    comparison = name [("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") value]
    value      = "text" | 'text' | word | number unit

A name alone asks whether the run has it. What the names mean is not known here.
"""

import re
from dataclasses import dataclass

from labsyn.data.errors import QueryError

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~")
KEYWORDS = ("and", "or", "not")
MAX_DEPTH = 50
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<bracket>[()])|(?P<operator><=|>=|!=|==|[=<>~])"""
    r"""|(?P<quoted>"[^"]*"|'[^']*')|(?P<word>[^\s()=<>!~"']+)""",
)


@dataclass(frozen=True)
class Span:
    """A piece of the query, from character `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Value:
    """What a name is compared with."""

    text: str
    span: Span


@dataclass(frozen=True)
class Comparison:
    """A name beside a value, or (without operator) the question whether the run has it."""

    name: str
    span: Span
    operator: str = ""
    value: Value | None = None


@dataclass(frozen=True)
class Negation:
    """What the inner query does not describe."""

    inner: "Query"


@dataclass(frozen=True)
class Junction:
    """All of the parts ("and"), or any of them ("or")."""

    word: str
    parts: tuple["Query", ...]


Query = Comparison | Negation | Junction


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span

    @property
    def keyword(self) -> str:
        """The keyword that this is, or nothing."""
        word = self.text.lower() if self.kind == "word" else ""
        return word if word in KEYWORDS else ""


def parse_query(text: str) -> Query:
    """Return the tree of a query.

    Raises
    ------
    QueryError
        If it is none; the message shows the place and says what is allowed there.
    """
    return _Parser(text).parse()


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            what = (
                "a quoted text has no end; close it with the same quote"
                if character in "\"'"
                else f"{character!r} is not allowed here; operators are {', '.join(OPERATORS)}"
            )
            end = len(text) if character in "\"'" else position + 1
            raise QueryError(what, text, position, end)
        kind = str(match.lastgroup)
        if kind != "space":
            found = match[0][1:-1] if kind == "quoted" else match[0]
            tokens.append(_Token(kind, found, Span(position, match.end())))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    def parse(self) -> Query:
        query = self._junction("or", 0)
        if (token := self._peek()) is not None:
            raise self._refused(
                token, "expected 'and', 'or' or the end; quote texts with spaces"
            )
        return query

    def _junction(self, word: str, depth: int) -> Query:
        parts = [self._part(word, depth)]
        while (token := self._peek()) is not None and token.keyword == word:
            self._next += 1
            parts.append(self._part(word, depth))
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _part(self, word: str, depth: int) -> Query:
        return self._junction("and", depth) if word == "or" else self._term(depth)

    def _term(self, depth: int) -> Query:
        token = self._take("expected a name, 'not' or '('")
        if depth >= MAX_DEPTH:
            raise self._refused(token, f"brackets and 'not' go at most {MAX_DEPTH} deep")
        if token.keyword == "not":
            return Negation(self._term(depth + 1))
        if token.text == "(" and token.kind == "bracket":
            inner = self._junction("or", depth + 1)
            closing = self._take("expected 'and', 'or' or ')'")
            if closing.kind != "bracket" or closing.text != ")":
                raise self._refused(closing, "expected 'and', 'or' or ')'")
            return inner
        if token.kind not in ("word", "quoted") or token.keyword:
            raise self._refused(token, "expected a name, 'not' or '('")
        return self._comparison(token)

    def _comparison(self, name: _Token) -> Comparison:
        operator = self._peek()
        if operator is None or operator.kind != "operator":
            return Comparison(name.text, name.span)
        self._next += 1
        value = self._value()
        symbol = operator.text.replace("==", "=")
        return Comparison(name.text, name.span, symbol, value)

    def _value(self) -> Value:
        expected = "expected a value: a number, with a unit or without, a word or a quoted text"
        token = self._take(expected)
        if token.kind not in ("word", "quoted") or token.keyword:
            raise self._refused(token, expected)
        unit = self._peek()
        if (
            token.kind == "word"
            and NUMBER.fullmatch(token.text)
            and unit is not None
            and unit.kind == "word"
            and not unit.keyword
        ):
            self._next += 1
            return Value(f"{token.text} {unit.text}", Span(token.span.start, unit.span.end))
        return Value(token.text, token.span)

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, expected: str) -> _Token:
        token = self._peek()
        if token is None:
            end = len(self._text)
            raise QueryError(f"the query ends too early: {expected}", self._text, end, end + 1)
        self._next += 1
        return token

    def _refused(self, token: _Token, expected: str) -> QueryError:
        what = f"{token.text!r} is not allowed here: {expected}"
        return QueryError(what, self._text, token.span.start, token.span.end)
