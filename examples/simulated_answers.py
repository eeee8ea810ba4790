"""What stands in for the model in the simulated OpenAI API: canned answers, and tokens counted by rule.

Tokens: 4 bytes of UTF-8 are one token, rounded up for each text. In a prompt each message and each tool
costs 4 more, an image 85, the beginning of the reply 3. Reasoning models (`o1`, `o3`, `o4…`, `gpt-5…`)
reason for 0 to 1,024 tokens, by effort and by the length of the question.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")
#: Steps of 64 reasoning tokens by effort; a long question adds up to three.
REASONING_STEPS = {"none": 0, "minimal": 0, "low": 1, "medium": 4, "high": 13}

BYTES_PER_TOKEN = 4
MESSAGE_TOKENS = 4
IMAGE_TOKENS = 85
REPLY_START_TOKENS = 3
#: Where a schema that contains itself is cut.
SCHEMA_DEPTH = 8


#: Keywords of the question and the answers to it: the first match wins, the seed chooses among the answers.
ANSWERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("machine learning",),
        (
            "Machine learning is a way to build software that learns patterns from data instead of following "
            "rules that somebody wrote down. A model is fitted to examples, then predicts for new cases.",
            "Machine learning means that a program improves at a task by being shown examples: it adjusts "
            "its parameters until its predictions fit the data.",
        ),
    ),
    (
        ("different", "difference"),
        (
            "AI is the broad goal of machines that act intelligently; machine learning is one way to get "
            "there, by learning from data. All machine learning is AI, but not all AI is machine learning.",
            "Artificial intelligence is the field, and machine learning is its most successful method: rules "
            "and search are AI too, but they do not learn.",
        ),
    ),
    (
        ("example",),
        (
            "A spam filter: it is trained on mails that people marked as spam, learns which words and "
            "senders matter, and then sorts mails that it has never seen.",
            "House prices: from past sales with size, place and year, a model learns to estimate the price "
            "of a house that is not sold yet.",
        ),
    ),
    (
        ("feature",),
        (
            "Its main features are readable syntax, dynamic typing with optional type hints, a large "
            "standard library, automatic memory management and a vast ecosystem of packages.",
            "Readable code, batteries included, an interactive interpreter, and packages for everything.",
        ),
    ),
    (
        ("python",),
        (
            "Python is a high-level, general-purpose programming language known for its readable syntax. It "
            "is used for web services, data analysis, automation and machine learning.",
            "Python is an interpreted, dynamically typed programming language that favours readability.",
        ),
    ),
    (
        ("weather", "forecast"),
        (
            "I cannot see the weather without a tool, but a forecast service can tell you.",
            "Without a weather tool I would only guess, so please look at a forecast.",
        ),
    ),
)
FALLBACK_ANSWERS = (
    "This is a simulated answer: no model has read the question.",
    "No model stands behind this API, so this answer is simulated.",
)
ARITHMETIC = re.compile(r"\d[\d.\s()]*(?:[-+*/][\d.\s()]+)+")
#: Names such as places: capitalised words that do not begin a sentence.
PROPER_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")


@dataclass(frozen=True)
class Message:
    """A message of either API, reduced to what the answer and the token count need."""

    role: str
    text: str
    images: int = 0
    #: Tool calls of the assistant: id to function name; and, for a tool's result, the call it answers.
    calls: dict[str, str] = field(default_factory=dict)
    answers_call: str = ""


@dataclass(frozen=True)
class Prompt:
    """A request of either API, reduced to what the answer and the token count need."""

    model: str
    messages: list[Message]
    #: Offered functions: `name` and `parameters`, a JSON schema.
    functions: list[Json]
    tool_choice: Any
    parallel_calls: bool
    #: JSON schema that a structured answer has to fit.
    schema: Json | None
    effort: str
    #: Most tokens of the reply, reasoning included.
    limit: int | None


@dataclass(frozen=True)
class Reply:
    """One choice that the model which is not there "generated"."""

    text: str | None
    #: Pairs of function name and arguments as JSON text.
    calls: list[tuple[str, str]]
    #: Tokens of the whole reply, reasoning included.
    tokens: int
    reasoning_tokens: int
    cut: bool


def count_tokens(text: str) -> int:
    """Tokens of one text, by the rule above."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def encode_prompt(prompt: Prompt) -> bytes:
    """The prompt with 4 bytes a token; tools come first, which is where prompt caching sees them."""
    tools = [Message("tool spec", json.dumps(function, sort_keys=True)) for function in prompt.functions]
    encoded = bytearray()
    for message in tools + prompt.messages:
        encoded += message.role.encode().ljust(MESSAGE_TOKENS * BYTES_PER_TOKEN)
        text = message.text.encode()
        encoded += text + bytes(-len(text) % BYTES_PER_TOKEN)
        encoded += bytes(message.images * IMAGE_TOKENS * BYTES_PER_TOKEN)
    return bytes(encoded)


def fit(schema: Json, asked: str, subject: str, root: Json, depth: int = 0) -> Any:
    """A value that fits the JSON schema, taken from the user's words where the type allows it."""

    def inner(schema: Json, subject: str = subject) -> Any:
        return fit(schema, asked, subject, root, depth + 1)

    if "$ref" in schema:
        target = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return inner(target)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next((v for v in schema["enum"] if str(v).lower() in asked.lower()), schema["enum"][0])
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return inner(options[-1 if depth > SCHEMA_DEPTH else 0])  # an optional value ends with null
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    if kind == "object":
        arithmetic = ARITHMETIC.search(asked)
        expression = arithmetic.group().rstrip(" .") if arithmetic else subject
        properties = schema.get("properties", {}).items()
        return {name: inner(of, expression if name == "expression" else subject) for name, of in properties}
    if kind == "array":
        return [] if depth > SCHEMA_DEPTH else [inner(schema.get("items", {}))]
    if kind in ("number", "integer"):
        found = re.search(r"-?\d+(\.\d+)?", asked)
        number = float(found.group()) if found else 1.0
        number = min(max(number, schema.get("minimum", number)), schema.get("maximum", number))
        return int(number) if kind == "integer" else number
    return {"boolean": True, "null": None}.get(kind, subject)


def choose_calls(prompt: Prompt, asked: str) -> list[tuple[str, str]]:
    """One or two calls: of the tools whose name the user mentions, for the names in the user's words."""
    words = set(re.findall(r"[a-z]{4,}", asked.lower()))
    chosen = [f for f in prompt.functions if words & set(re.findall(r"[a-z]{4,}", f["name"].lower()))][:2]
    if isinstance(prompt.tool_choice, dict):
        name = prompt.tool_choice.get("function", prompt.tool_choice).get("name")
        chosen = [f for f in prompt.functions if f["name"] == name]
    chosen = chosen or prompt.functions[:1]
    subjects = PROPER_NAME.findall(asked)[:2] or [asked]
    calls = []
    for function in chosen:
        schema = function.get("parameters") or {"type": "object"}
        wanted = subjects if len(chosen) == 1 else subjects[:1]
        calls += [(function["name"], json.dumps(fit(schema, asked, subject, schema))) for subject in wanted]
    calls = list(dict.fromkeys(calls))
    return calls if prompt.parallel_calls else calls[:1]


def answer_text(messages: list[Message], asked: str, variant: int) -> str:
    """The canned answer, or the tools' results in a sentence when tools have just answered."""
    names = {call_id: name for message in messages for call_id, name in message.calls.items()}
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, f"{names.get(message.answers_call, 'tool')}: {message.text}")
    if results:
        return f"Here is what I found. {'; '.join(results)}."
    question = asked.lower()
    answers = next((found for words, found in ANSWERS if any(w in question for w in words)), FALLBACK_ANSWERS)
    return answers[variant % len(answers)]


def generate(prompt: Prompt, variant: int) -> Reply:
    """The reply to the prompt; `variant` chooses among answers that fit equally well."""
    asked = next((message.text for message in reversed(prompt.messages) if message.role == "user"), "")
    calls: list[tuple[str, str]] = []
    text: str | None = None
    if prompt.functions and prompt.messages[-1].role == "user" and prompt.tool_choice != "none":
        calls = choose_calls(prompt, asked)
        visible = sum(count_tokens(name + arguments) for name, arguments in calls)
    else:
        if prompt.schema is not None:
            text = json.dumps(fit(prompt.schema, asked, asked, prompt.schema))
        else:
            text = answer_text(prompt.messages, asked, variant)
        visible = count_tokens(text)
    reasoning = 0
    steps = REASONING_STEPS.get(prompt.effort, REASONING_STEPS["medium"])
    if prompt.model.startswith(REASONING_MODELS) and steps:
        reasoning = 64 * (steps + count_tokens(asked) % 4)
    cut = prompt.limit is not None and reasoning + visible > prompt.limit
    if prompt.limit is not None and cut:
        reasoning = min(reasoning, prompt.limit)
        visible = prompt.limit - reasoning
        text = (text or "").encode()[: visible * BYTES_PER_TOKEN].decode(errors="ignore")
        calls = []
    return Reply(text, calls, reasoning + visible, reasoning, cut)
