"""Built-in tools: searches are billed by the call, other tools in a way that the reply does not say."""

from __future__ import annotations

from typing import Any

from tests.support.worked import Case, completion, response, tokens, used

SEARCH = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "rain"}}
OPEN = {"type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": "http://a"}}
FIND = {"type": "web_search_call", "status": "completed", "action": {"type": "find_in_page", "pattern": "x"}}
OLD_SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
FILES = {"type": "file_search_call", "status": "completed", "queries": ["rain"], "results": None}
FUNCTION = {"type": "function_call", "name": "rain", "arguments": "{}", "call_id": "call_1"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
TEXT = "input 1000 * 1.25 + output 500 * 10"


def with_tools(name: str, *output: Any, bill: str, status: str = "priced", model: str = "gpt-5") -> Case:
    return Case(f"tools: {name}", "response", response(model, used(1000, 500), *output), bill, status)


CASES = [
    with_tools("two web searches", SEARCH, REASONING, SEARCH, bill=f"{TEXT} + web_searches 2 * 10"),
    with_tools("a page is free", SEARCH, OPEN, FIND, bill=f"{TEXT} + web_searches 1 * 10"),
    with_tools("nothing but pages", OPEN, bill=TEXT),
    with_tools(
        "a web search that does not say what it did", OLD_SEARCH, bill=f"{TEXT} + web_searches 1 * 10"
    ),
    with_tools("a file search", FILES, bill=f"{TEXT} + file_searches 1 * 2.50"),
    with_tools(
        "both searches", FILES, SEARCH, FILES, bill=f"{TEXT} + web_searches 1 * 10 + file_searches 2 * 2.50"
    ),
    with_tools("functions are the caller's", FUNCTION, REASONING, FUNCTION, bill=TEXT),
    with_tools(
        "code interpreter", {"type": "code_interpreter_call", "code": "1"}, bill=TEXT, status="partial"
    ),
    with_tools(
        "commands in a container of the provider's",
        {"type": "shell_call", "environment": {"type": "container_reference", "container_id": "cntr_1"}},
        bill=TEXT,
        status="partial",
    ),
    with_tools(
        "commands of the caller's", {"type": "shell_call", "environment": {"type": "local"}}, bill=TEXT
    ),
    with_tools("commands that do not say whose", {"type": "shell_call", "environment": None}, bill=TEXT),
    with_tools("an image", {"type": "image_generation_call", "result": "aGk="}, bill=TEXT, status="partial"),
    with_tools(
        "a search and an image",
        SEARCH,
        {"type": "image_generation_call", "result": "aGk="},
        bill=f"{TEXT} + web_searches 1 * 10",
        status="partial",
    ),
    with_tools(
        "a search by a model without a price for it",
        SEARCH,
        bill="input 1000 * 1.10 + output 500 * 4.40",
        status="partial",
        model="o3-mini",
    ),
    Case(
        "tools: a search at a tier",
        "response",
        response("gpt-5", used(1000, 500), SEARCH, service_tier="priority"),
        "input 1000 * 2.50 + output 500 * 20 + web_searches 1 * 10",
    ),
    Case(
        "tools: a search in a long prompt",
        "response",
        response("gpt-5.4", used(300_000, 500), SEARCH),
        "input 300_000 * 5 + output 500 * 22.50 + web_searches 1 * 10",
    ),
    Case(
        "tools: a stream of a response counts each search once",
        "response",
        [
            {"type": "response.in_progress", "response": response("gpt-5", None, SEARCH)},
            {"type": "response.completed", "response": response("gpt-5", used(1000, 500), SEARCH)},
        ],
        f"{TEXT} + web_searches 1 * 10",
    ),
    Case(
        "tools: a completion that is to search first",
        "chat",
        completion("gpt-5-2025-08-07", tokens(1000, 500)),
        TEXT,
        "partial",
        asked={"model": "gpt-5", "web_search_options": {"search_context_size": "low"}},
    ),
    Case(
        "tools: a completion by a model that searches first",
        "chat",
        completion("gpt-4o-search-preview-2025-03-11", tokens(1000, 500)),
        "input 1000 * 2.50 + output 500 * 10",
        "partial",
        asked={"model": "gpt-4o-search-preview"},
    ),
]
