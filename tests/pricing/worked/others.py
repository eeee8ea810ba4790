"""Azure, gateways, and those who imitate OpenAI: what they report, and at whose prices it is billed."""

from __future__ import annotations

from typing import Any

from tests.support.worked import Case, cached, completion, tokens

AZURE = "https://acme.openai.azure.com/openai/deployments/prod-chat/"
OPENROUTER = "https://openrouter.ai/api/v1"
GROQ = "https://api.groq.com/openai/v1"
DEEPSEEK = "https://api.deepseek.com/v1"
MISTRAL = "https://api.mistral.ai/v1"
XAI = "https://api.x.ai/v1"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai/"
ANTHROPIC = "https://api.anthropic.com/v1/"
PERPLEXITY = "https://api.perplexity.ai"
MOONSHOT = "https://api.moonshot.ai/v1"
VERTEX = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi"
#: As most of them report it: without a word on the parts.
PLAIN = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
MORNING, NIGHT = "2026-11-22T12:00:00+00:00", "2026-11-22T20:00:00+00:00"


def at(
    url: str, name: str, model: str | None, usage: Any, bill: str, status: str = "priced", **more: Any
) -> Case:
    tier = more.pop("service_tier", None)
    body = completion(model, usage, service_tier=tier)
    return Case(name, more.pop("method", "chat"), body, bill, status, url=url, **more)


AZURES = [
    at(
        AZURE,
        "Azure",
        "gpt-4o-2024-08-06",
        cached(1000, 500, 600),
        "input 400 * 2.50 + cache_read 600 * 1.25 + output 500 * 10",
    ),
    at(AZURE, "Azure's own price", "o1-2024-12-17", tokens(1000, 500), "input 1000 * 15 + output 500 * 60"),
    at(AZURE, "Azure's name for gpt-3.5", "gpt-35-turbo", PLAIN, "input 1000 * 0.50 + output 500 * 1.50"),
    at(
        AZURE,
        "Azure names no model but its deployment",
        None,
        PLAIN,
        "",
        "unpriced",
        asked={"model": "prod-chat"},
    ),
    at(
        AZURE,
        "Azure: OpenAI's priority is not its own",
        "gpt-4o",
        PLAIN,
        "",
        "unpriced",
        service_tier="priority",
    ),
    at(AZURE, "Azure: OpenAI's batch is not its own", "gpt-4o", PLAIN, "", "unpriced", batch=True),
]

OPENROUTERS = [
    at(
        OPENROUTER,
        "OpenRouter's own cost wins",
        "openai/gpt-4o",
        {**PLAIN, "cost": 0.00795, "is_byok": False, "cost_details": {"upstream_inference_cost": None}},
        "reported 1 * 0.00795",
    ),
    at(
        OPENROUTER,
        "OpenRouter with a key of the caller's",
        "openai/gpt-4o",
        {**PLAIN, "cost": 0.000375, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0075}},
        "reported 1 * 0.007875",
    ),
    at(
        OPENROUTER,
        "OpenRouter: a free model",
        "meta-llama/llama-3.3-70b-instruct:free",
        {**PLAIN, "cost": 0},
        "reported 1 * 0",
        "free",
    ),
    at(
        OPENROUTER,
        "OpenRouter: an unknown model with a cost",
        "acme/nobody-knows",
        {**PLAIN, "cost": 1.5e-07},
        "reported 1 * 0.00000015",
    ),
    at(OPENROUTER, "OpenRouter says no cost", "openai/gpt-4o", PLAIN, "input 1000 * 2.50 + output 500 * 10"),
    at(
        OPENROUTER,
        "OpenRouter says no cost of the caller's own key",
        "openai/gpt-4o",
        {**PLAIN, "cost": 0.000375, "is_byok": True, "cost_details": {"upstream_inference_cost": None}},
        "input 1000 * 2.50 + output 500 * 10",
    ),
    at(
        OPENROUTER,
        "OpenRouter: a long prompt, no cost",
        "anthropic/claude-sonnet-4.5",
        cached(200_001, 10, 200_000),
        "input 1 * 6 + cache_read 200_000 * 0.60 + output 10 * 22.50",
    ),
]

GROQ_USAGE = {
    **PLAIN,
    "queue_time": 0.037,
    "prompt_time": 0.0006,
    "completion_time": 0.46,
    "total_time": 0.4606,
}
GROQS = [
    at(
        GROQ,
        "Groq",
        "llama-3.3-70b-versatile",
        GROQ_USAGE,
        "input 1000 * 0.59 + output 500 * 0.79",
        service_tier="on_demand",
    ),
    at(
        GROQ,
        "Groq: cached",
        "openai/gpt-oss-120b",
        {**GROQ_USAGE, "prompt_tokens_details": {"cached_tokens": 600}},
        "input 400 * 0.15 + cache_read 600 * 0.075 + output 500 * 0.60",
    ),
    at(
        GROQ,
        "Groq: a tier that is not on the list",
        "llama-3.3-70b-versatile",
        GROQ_USAGE,
        "",
        "unpriced",
        service_tier="performance",
    ),
    at(
        GROQ,
        "Groq: a batch",
        "openai/gpt-oss-20b",
        GROQ_USAGE,
        "input 1000 * 0.0375 + output 500 * 0.15",
        batch=True,
    ),
    Case(
        "Groq: audio is billed for ten seconds at least",
        "transcription",
        {"text": "Hi", "duration": 3.2, "x_groq": {"id": "req_1"}},
        "audio_seconds 10 * 0.111",
        url=GROQ,
        asked={"model": "whisper-large-v3"},
    ),
    Case(
        "Groq: longer audio by its length",
        "transcription",
        {"text": "Hi", "duration": 12.5, "x_groq": {"id": "req_1"}},
        "audio_seconds 12.5 * 0.04",
        url=GROQ,
        asked={"model": "whisper-large-v3-turbo"},
    ),
]

DEEPSEEK_USAGE = {**PLAIN, "prompt_cache_hit_tokens": 640, "prompt_cache_miss_tokens": 360}
DEEPSEEKS = [
    at(
        DEEPSEEK,
        "DeepSeek by day",
        "deepseek-chat",
        {**DEEPSEEK_USAGE, "prompt_tokens_details": {"cached_tokens": 640}},
        "input 360 * 0.27 + cache_read 640 * 0.07 + output 500 * 1.10",
        at=MORNING,
    ),
    at(
        DEEPSEEK,
        "DeepSeek by night",
        "deepseek-chat",
        DEEPSEEK_USAGE,
        "input 360 * 0.135 + cache_read 640 * 0.035 + output 500 * 0.55",
        at=NIGHT,
    ),
    at(
        DEEPSEEK,
        "DeepSeek reasons inside its output",
        "deepseek-reasoner",
        {**DEEPSEEK_USAGE, "completion_tokens_details": {"reasoning_tokens": 400}},
        "input 360 * 0.55 + cache_read 640 * 0.14 + output 500 * 2.19",
        at=MORNING,
    ),
    at(
        DEEPSEEK,
        "DeepSeek before a price change",
        "deepseek-v4-flash",
        PLAIN,
        "input 1000 * 0.22 + output 500 * 0.66",
        at="2026-09-09T12:00:00+00:00",
    ),
    at(
        DEEPSEEK,
        "DeepSeek after a price change",
        "deepseek-v4-flash",
        PLAIN,
        "input 1000 * 0.15 + output 500 * 0.60",
        at="2026-09-10T12:00:00+00:00",
    ),
]

SOUND = {"prompt_audio_seconds": 203, "prompt_tokens": 4, "total_tokens": 3264, "completion_tokens": 635}
MISTRALS = [
    at(MISTRAL, "Mistral", "mistral-large-2512", PLAIN, "input 1000 * 0.50 + output 500 * 1.50"),
    at(
        MISTRAL,
        "Mistral: a batch",
        "mistral-large-2512",
        PLAIN,
        "input 1000 * 0.25 + output 500 * 0.75",
        batch=True,
    ),
    at(
        MISTRAL,
        "Mistral on its dearest day",
        "mistral-large-4",
        PLAIN,
        "input 1000 * 1.36 + output 500 * 4.18",
        at="2026-10-28T23:59:59+00:00",
    ),
    at(
        MISTRAL,
        "Mistral a day later",
        "mistral-large-4",
        PLAIN,
        "input 1000 * 0.70 + output 500 * 2.10",
        at="2026-10-29T00:00:00+00:00",
    ),
    at(
        MISTRAL,
        "Mistral: embeddings",
        "mistral-embed",
        {"prompt_tokens": 1000, "total_tokens": 1000, "completion_tokens": 0},
        "input 1000 * 0.10 + output 0 * 0.10",
        method="embeddings",
    ),
    # The list has no price for its tokens, which are a few of the prompt's text.
    Case(
        "Mistral: a transcription",
        "transcription",
        {"model": "voxtral-mini-2602", "text": "Hi", "usage": SOUND},
        "audio_seconds 203 * 0.18",
        "partial",
        url=MISTRAL,
        asked={"model": "voxtral-mini-2602"},
    ),
    at(
        MISTRAL,
        "Mistral: a chat with sound",
        "voxtral-small-latest",
        SOUND,
        "input 4 * 0.10 + output 635 * 0.40 + audio_seconds 203 * 0.24",
    ),
]

XAI_USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "total_tokens": 1500,
    "prompt_tokens_details": {
        "text_tokens": 1000,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 600,
    },
    "completion_tokens_details": {"reasoning_tokens": 400, "audio_tokens": 0},
    "num_sources_used": 0,
}
XAIS = [
    at(
        XAI,
        "xAI counts its cost in ticks",
        "grok-4-fast-reasoning",
        {**XAI_USAGE, "cost_in_usd_ticks": 37_756_000},
        "reported 1 * 0.0037756",
    ),
    at(XAI, "xAI: one tick", "grok-4", {**XAI_USAGE, "cost_in_usd_ticks": 1}, "reported 1 * 0.0000000001"),
    at(
        XAI,
        "xAI reasons beside its output",
        "grok-4",
        XAI_USAGE,
        "input 400 * 3 + cache_read 600 * 0.75 + output 500 * 15",
    ),
    at(
        XAI,
        "xAI: a long prompt",
        "grok-4.20",
        {**PLAIN, "prompt_tokens": 200_000, "total_tokens": 200_500},
        "input 200_000 * 2.50 + output 500 * 5",
    ),
    at(
        XAI,
        "xAI: a prompt that is not long",
        "grok-4.20",
        {**PLAIN, "prompt_tokens": 199_999, "total_tokens": 200_499},
        "input 199_999 * 1.25 + output 500 * 2.50",
    ),
]

GOOGLES = [
    at(GEMINI, "Gemini", "gemini-2.5-flash", PLAIN, "input 1000 * 0.30 + output 500 * 2.50"),
    at(
        GEMINI,
        "Gemini by its whole name",
        "models/gemini-2.5-flash",
        PLAIN,
        "input 1000 * 0.30 + output 500 * 2.50",
    ),
    at(
        GEMINI,
        "Gemini: at the limit",
        "gemini-2.5-pro",
        tokens(200_000, 10),
        "input 200_000 * 1.25 + output 10 * 10",
    ),
    at(
        GEMINI,
        "Gemini: one above it",
        "gemini-2.5-pro",
        tokens(200_001, 10),
        "input 200_001 * 2.50 + output 10 * 15",
    ),
    # What it thought is in the total only, and nothing says that it was that.
    at(
        GEMINI,
        "Gemini thinks beside its output",
        "gemini-2.5-flash",
        {**PLAIN, "total_tokens": 1800},
        "input 1000 * 0.30 + output 500 * 2.50",
        "estimated",
    ),
    at(
        GEMINI,
        "Gemini in its last month at half price",
        "gemini-3.6-flash",
        PLAIN,
        "input 1000 * 0.75 + output 500 * 3.75",
        at="2026-12-31T23:59:59+00:00",
    ),
    at(
        GEMINI,
        "Gemini in the year after it",
        "gemini-3.6-flash",
        PLAIN,
        "input 1000 * 1.50 + output 500 * 7.50",
        at="2027-01-01T00:00:00+00:00",
    ),
    at(
        VERTEX,
        "Vertex names who made it",
        "google/gemini-2.5-flash",
        PLAIN,
        "input 1000 * 0.30 + output 500 * 2.50",
    ),
    at(VERTEX, "Vertex: Claude", "claude-haiku-4-5", PLAIN, "input 1000 * 1 + output 500 * 5"),
]

ANTHROPICS = [
    at(ANTHROPIC, "Anthropic", "claude-sonnet-4-5-20250929", PLAIN, "input 1000 * 3 + output 500 * 15"),
    at(
        ANTHROPIC,
        "Anthropic: one above the limit",
        "claude-sonnet-4-5-20250929",
        tokens(200_001, 10),
        "input 200_001 * 6 + output 10 * 22.50",
    ),
    at(
        ANTHROPIC,
        "Anthropic while there was a limit",
        "claude-opus-4-6",
        tokens(200_001, 10),
        "input 200_001 * 10 + output 10 * 37.50",
        at="2026-03-12T23:59:59+00:00",
    ),
    at(
        ANTHROPIC,
        "Anthropic since there is none",
        "claude-opus-4-6",
        tokens(200_001, 10),
        "input 200_001 * 5 + output 10 * 25",
        at="2026-03-13T00:00:00+00:00",
    ),
    at(
        ANTHROPIC,
        "Anthropic: written to the cache",
        "claude-3-5-haiku-latest",
        tokens(1000, 500, of_prompt={"cached_tokens": 200, "cache_write_tokens": 300}),
        "input 500 * 0.80 + cache_read 200 * 0.08 + cache_write 300 * 1 + output 500 * 4",
    ),
    at(
        ANTHROPIC,
        "written to the cache, as LiteLLM says it",
        "claude-3-5-haiku-latest",
        tokens(1000, 500, of_prompt={"cached_tokens": 200}) | {"cache_creation_input_tokens": 300},
        "input 500 * 0.80 + cache_read 200 * 0.08 + cache_write 300 * 1 + output 500 * 4",
    ),
    at(
        ANTHROPIC,
        "written to the cache, as Alibaba says it",
        "claude-3-5-haiku-latest",
        tokens(1000, 500, of_prompt={"cached_tokens": 200, "cache_creation_input_tokens": 300}),
        "input 500 * 0.80 + cache_read 200 * 0.08 + cache_write 300 * 1 + output 500 * 4",
    ),
]

PERPLEXITIES = [
    at(
        PERPLEXITY,
        "Perplexity's own cost, in parts",
        "sonar",
        {
            **PLAIN,
            "cost": {
                "input_tokens_cost": 0.001,
                "output_tokens_cost": 0.0005,
                "request_cost": 0.005,
                "total_cost": 0.0065,
            },
        },
        "reported 1 * 0.0065",
    ),
    at(
        PERPLEXITY,
        "Perplexity charges the request",
        "sonar",
        PLAIN,
        "input 1000 * 1 + output 500 * 1 + requests 1 * 12",
    ),
    at(
        PERPLEXITY,
        "Perplexity has a price for reasoning",
        "sonar-deep-research",
        {**PLAIN, "completion_tokens_details": {"reasoning_tokens": 200}},
        "input 1000 * 2 + reasoning 200 * 3 + output 300 * 8",
    ),
]

HOSTS = [
    at(
        MOONSHOT,
        "Moonshot tells cached tokens by themselves",
        "kimi-k2-0905-preview",
        {**PLAIN, "cached_tokens": 256},
        "input 744 * 0.60 + cache_read 256 * 0.15 + output 500 * 2.50",
    ),
    at(
        "https://api.cerebras.ai/v1",
        "Cerebras",
        "llama-3.3-70b",
        PLAIN,
        "input 1000 * 0.85 + output 500 * 1.20",
    ),
    at(
        "https://api.together.xyz/v1",
        "Together",
        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        PLAIN,
        "input 1000 * 0.88 + output 500 * 0.88",
    ),
    at(
        "https://api.fireworks.ai/inference/v1",
        "Fireworks",
        "accounts/fireworks/models/gpt-oss-120b",
        PLAIN,
        "input 1000 * 0.15 + output 500 * 0.60",
    ),
    at(
        "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1",
        "Bedrock",
        "openai.gpt-oss-120b-1:0",
        PLAIN,
        "input 1000 * 0.15 + output 500 * 0.60",
    ),
    at(
        "http://vllm.internal:8000/v1",
        "vLLM",
        "meta-llama/Llama-3.1-8B-Instruct",
        {**PLAIN, "prompt_tokens_details": None},
        "",
        "unpriced",
    ),
    at(
        "http://vllm.internal:8000/v1",
        "vLLM: open weights of OpenAI's",
        "openai/gpt-oss-20b",
        PLAIN,
        "",
        "unpriced",
    ),
    at(
        "http://vllm.internal:8000/v1",
        "vLLM: open weights by their short name",
        "gpt-oss-20b",
        PLAIN,
        "",
        "unpriced",
    ),
    at(
        "http://localhost:8080/v1",
        "llama.cpp",
        "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        PLAIN,
        "",
        "unpriced",
    ),
    at("http://localhost:11434/v1", "Ollama", "gpt-oss:20b", PLAIN, "", "unpriced"),
    at(
        "https://llm-gateway.internal/v1",
        "a gateway to OpenAI",
        "gpt-4o-2024-08-06",
        PLAIN,
        "input 1000 * 2.50 + output 500 * 10",
    ),
    at(
        "https://llm-gateway.internal/v1",
        "a gateway that says what it cost",
        "acme-large",
        {**PLAIN, "cost": 0.25},
        "reported 1 * 0.25",
    ),
    Case(
        "moderation at another than OpenAI",
        "moderation",
        {"id": "modr-1", "model": "acme-moderation", "results": []},
        "",
        "unpriced",
        url="https://llm-gateway.internal/v1",
    ),
]

CASES = [
    *AZURES,
    *OPENROUTERS,
    *GROQS,
    *DEEPSEEKS,
    *MISTRALS,
    *XAIS,
    *GOOGLES,
    *ANTHROPICS,
    *PERPLEXITIES,
    *HOSTS,
]
