"""Every attribute, metric and setting name that InfraPrism spells, in one place.

Names of the GenAI, server, error and session semantic conventions are OpenTelemetry's; the ones that
begin with ``infraprism.`` are ours. `docs/reference.md` lists them all.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "infraprism.openai"
#: The scope of what is said of sessions: they are no calls.
SESSIONS_SCOPE: Final = "infraprism.sessions"
SESSION_SPAN: Final = "session"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

# GenAI conventions: the call
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_REQUEST_CONVERSATION: Final = "openai.request.conversation"
OPENAI_REQUEST_PREVIOUS_RESPONSE_ID: Final = "openai.request.previous_response_id"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"
OPENAI_API_TYPE: Final = "openai.api.type"

# GenAI conventions: usage. Inclusive: a detail is a part of its whole, never added to it.
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
#: Not reported, but counted from the text of a stream that reported no usage.
ESTIMATED_INPUT_TOKENS: Final = "infraprism.estimated.input_tokens"
ESTIMATED_OUTPUT_TOKENS: Final = "infraprism.estimated.output_tokens"
USAGE_COST: Final = "gen_ai.usage.cost"
#: And the field of `pricing.Usage`: what is billed and has no name in the conventions.
USAGE_PREFIX: Final = "infraprism.usage."
USAGE_UNPRICED: Final = "infraprism.usage.unpriced"
USAGE_INVALID: Final = "infraprism.usage.invalid"

# General conventions
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
#: And the header's name, in lower case.
HTTP_RESPONSE_HEADER: Final = "http.response.header."
SESSION_ID: Final = "session.id"
SESSION_PREVIOUS_ID: Final = "session.previous_id"
USER_ID: Final = "user.id"

# Ours: who the cost belongs to
ENTITY_TYPE: Final = "infraprism.entity.type"
ENTITY_ID: Final = "infraprism.entity.id"
TAG_PREFIX: Final = "infraprism.tag."

# Ours: a request of a batch
BATCH_ID: Final = "infraprism.batch.id"
BATCH_CUSTOM_ID: Final = "infraprism.batch.custom_id"
BATCH_REQUEST: Final = "infraprism.batch.request"

# Ours: the money. Amounts are decimal strings; the parts (prefix and part) add up to the amount exactly.
COST_PREFIX: Final = "infraprism.cost."
COST_AMOUNT: Final = "infraprism.cost.amount"
COST_CURRENCY: Final = "infraprism.cost.currency"
COST_STATUS: Final = "infraprism.cost.status"
COST_SOURCE: Final = "infraprism.cost.source"
COST_PRICE_VERSION: Final = "infraprism.cost.price_version"
#: What each part was billed for, and what its rates are: since when, and how far from everybody's.
COST_QUANTITIES: Final = "infraprism.cost.quantities"
COST_EFFECTIVE_FROM: Final = "infraprism.cost.effective_from"
COST_ADJUSTMENT_PERCENT: Final = "infraprism.cost.adjustment_percent"
#: On a span that is not ours and speaks of a call of ours: the span id of the one that carries the money.
COST_COUNTED_IN: Final = "infraprism.cost.counted_in"
SESSION_COST: Final = "infraprism.session.cost"
SESSION_TURNS: Final = "infraprism.session.turns"

#: What begins like this in OpenTelemetry's baggage is ours.
BAGGAGE_PREFIX: Final = "infraprism."
BAGGAGE_SESSION_ID: Final = "infraprism.session.id"

# Of other instrumentations, which say with them that a span is a model call
OPENLLMETRY_REQUEST_TYPE: Final = "llm.request.type"
OPENINFERENCE_SPAN_KIND: Final = "openinference.span.kind"
LANGFUSE_OBSERVATION_TYPE: Final = "langfuse.observation.type"
# What they report of it. Langfuse's are JSON, and so is the API's own usage that Logfire keeps.
LANGFUSE_USAGE_DETAILS: Final = "langfuse.observation.usage_details"
LANGFUSE_COST_DETAILS: Final = "langfuse.observation.cost_details"
OPENINFERENCE_PROMPT: Final = "llm.token_count.prompt"
OPENINFERENCE_COMPLETION: Final = "llm.token_count.completion"
OPENINFERENCE_TOTAL: Final = "llm.token_count.total"
OPENINFERENCE_CACHE_READ: Final = "llm.token_count.prompt_details.cache_read"
OPENINFERENCE_CACHE_WRITE: Final = "llm.token_count.prompt_details.cache_write"
OPENINFERENCE_INPUT_AUDIO: Final = "llm.token_count.prompt_details.audio"
OPENINFERENCE_OUTPUT_AUDIO: Final = "llm.token_count.completion_details.audio"
OPENINFERENCE_REASONING: Final = "llm.token_count.completion_details.reasoning"
OPENINFERENCE_MODEL: Final = "llm.model_name"
OPENINFERENCE_PROVIDER: Final = "llm.provider"
OPENINFERENCE_COST: Final = "llm.cost.total"
LOGFIRE_COST: Final = "operation.cost"
LOGFIRE_USAGE: Final = "gen_ai.usage.raw"
#: The conventions' name of a fact → how else it is spelled; the first that is there counts. All count as
#: OpenTelemetry does: a detail is a part of its whole.
SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    PROVIDER_NAME: ("gen_ai.system", OPENINFERENCE_PROVIDER, "llm.system"),
    REQUEST_MODEL: ("llm.request.model",),
    RESPONSE_MODEL: (
        "llm.response.model",
        OPENINFERENCE_MODEL,
        "embedding.model_name",
        "langfuse.observation.model.name",
    ),
    OPENAI_RESPONSE_SERVICE_TIER: ("gen_ai.openai.response.service_tier",),
    USAGE_INPUT_TOKENS: ("gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", OPENINFERENCE_PROMPT),
    USAGE_OUTPUT_TOKENS: (
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        OPENINFERENCE_COMPLETION,
    ),
    USAGE_CACHE_READ_INPUT_TOKENS: (
        "gen_ai.usage.cache_read_input_tokens",
        OPENINFERENCE_CACHE_READ,
        "llm.token_count.prompt_details.cache_input",
    ),
    USAGE_CACHE_CREATION_INPUT_TOKENS: (
        "gen_ai.usage.cache_creation_input_tokens",
        OPENINFERENCE_CACHE_WRITE,
    ),
    USAGE_REASONING_OUTPUT_TOKENS: (
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        OPENINFERENCE_REASONING,
    ),
}
#: For these the conventions have no name.
INPUT_AUDIO_SPELLINGS: Final = ("gen_ai.usage.details.input_audio_tokens", OPENINFERENCE_INPUT_AUDIO)
CACHED_AUDIO_SPELLINGS: Final = ("gen_ai.usage.details.cache_audio_read_tokens",)
OUTPUT_AUDIO_SPELLINGS: Final = ("gen_ai.usage.details.output_audio_tokens", OPENINFERENCE_OUTPUT_AUDIO)
#: What an instrumentation itself reckons that a call costs, in USD.
COST_SPELLINGS: Final = (USAGE_COST, OPENINFERENCE_COST, LOGFIRE_COST)

# What single backends read, for `INFRAPRISM_COMPAT`; docs/backends.md lists them. A prefix ends with a dot.
BRAINTRUST_METADATA: Final = "braintrust.metadata"
BRAINTRUST_METRICS: Final = "braintrust.metrics"
BRAINTRUST_TAGS: Final = "braintrust.tags"
DATADOG_TAG_PREFIX: Final = "gen_ai.tag."
DATADOG_USER: Final = "gen_ai.user.id"
LAMINAR_INPUT_COST: Final = "gen_ai.usage.input_cost"
LAMINAR_OUTPUT_COST: Final = "gen_ai.usage.output_cost"
LAMINAR_SESSION: Final = "lmnr.association.properties.session_id"
LAMINAR_TAGS: Final = "lmnr.association.properties.tags"
LAMINAR_USER: Final = "lmnr.association.properties.user_id"
LANGFUSE_TAGS: Final = "langfuse.trace.tags"
LANGSMITH_SESSION: Final = "langsmith.metadata.thread_id"
LANGSMITH_TAGS: Final = "langsmith.span.tags"
LANGSMITH_USER: Final = "langsmith.metadata.user_id"
LOGFIRE_TAGS: Final = "logfire.tags"
MLFLOW_COST: Final = "mlflow.llm.cost"
MLFLOW_TAG_PREFIX: Final = "mlflow.traceTag."
OPENINFERENCE_TAGS: Final = "tag.tags"
OPENLIT_TOTAL: Final = "gen_ai.usage.total_tokens"
OPENLIT_USER: Final = "gen_ai.user.name"
OPIK_TAGS: Final = "opik.tags"
TRACELOOP_PREFIX: Final = "traceloop.association.properties."
TRACELOOP_SESSION: Final = "traceloop.association.properties.session_id"
TRACELOOP_USER: Final = "traceloop.association.properties.user_id"
#: What others call a session, a user and a list of tags; of each the first that is there counts.
SESSION_SPELLINGS: Final = (
    "langfuse.session.id",
    TRACELOOP_SESSION,
    LAMINAR_SESSION,
    LANGSMITH_SESSION,
    "ai.telemetry.metadata.sessionId",
)
USER_SPELLINGS: Final = (
    USER_ID,
    "langfuse.user.id",
    TRACELOOP_USER,
    LAMINAR_USER,
    LANGSMITH_USER,
    OPENLIT_USER,
    "ai.telemetry.metadata.userId",
)
TAGS_SPELLINGS: Final = (LANGFUSE_TAGS, OPENINFERENCE_TAGS, LOGFIRE_TAGS, LAMINAR_TAGS, LANGSMITH_TAGS)

#: The type of an entity that is in `user.id`, too, and that other instrumentations call the user.
ENTITY_TYPE_USER: Final = "user"

# Operations (values of `gen_ai.operation.name`); a turn is a call that generates a reply.
OPERATION_CHAT: Final = "chat"
OPERATION_EMBEDDINGS: Final = "embeddings"
OPERATION_TEXT_COMPLETION: Final = "text_completion"
OPERATION_GENERATE_CONTENT: Final = "generate_content"
#: The conventions have no word for these; the API's own is taken.
OPERATION_BATCH_REQUEST: Final = "batch_request"
OPERATION_COMPACTION: Final = "compaction"
OPERATION_DECISION: Final = "decision"
OPERATION_IMAGE_GENERATION: Final = "image_generation"
OPERATION_MODERATION: Final = "moderation"
OPERATION_RETRIEVE_RESPONSE: Final = "retrieve_response"
OPERATION_SPEECH: Final = "speech"
OPERATION_TRANSCRIPTION: Final = "transcription"
OPERATION_TRANSLATION: Final = "translation"
OPERATION_VIDEO_GENERATION: Final = "video_generation"
TURN_OPERATIONS: Final = frozenset({OPERATION_CHAT, OPERATION_TEXT_COMPLETION, OPERATION_GENERATE_CONTENT})
CALL_OPERATIONS: Final = TURN_OPERATIONS | {
    OPERATION_BATCH_REQUEST,
    OPERATION_COMPACTION,
    OPERATION_DECISION,
    OPERATION_EMBEDDINGS,
    OPERATION_IMAGE_GENERATION,
    OPERATION_MODERATION,
    OPERATION_RETRIEVE_RESPONSE,
    OPERATION_SPEECH,
    OPERATION_TRANSCRIPTION,
    OPERATION_TRANSLATION,
    OPERATION_VIDEO_GENERATION,
}
#: Finish reasons of a response that is still to come: there is nothing to price yet.
PENDING_REASONS: Final = frozenset({"queued", "in_progress"})

# Metrics
METRIC_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
METRIC_COST: Final = "gen_ai.client.operation.cost"
METRIC_DROPPED: Final = "infraprism.dropped"
#: Of the collector's own, as Prometheus spells them.
METRIC_COLLECTOR_PREFIX: Final = "infraprism_collector_"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105
DROPPED_REASON: Final = "reason"

# Events
EVENT_SESSION_START: Final = "session.start"
EVENT_SESSION_END: Final = "session.end"
#: A call whose span is not sampled. It has the attributes of the span, and what else a span would say.
EVENT_CALL: Final = "infraprism.call"
CALL_NAME: Final = "infraprism.call.name"
CALL_STARTED_AT: Final = "infraprism.call.started_at"
CALL_PARENT_SPAN_ID: Final = "infraprism.call.parent_span_id"

# Settings: OpenTelemetry's own switch for the content of messages, then ours
SETTING_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SETTING_SESSION_ID: Final = "INFRAPRISM_SESSION_ID"
SETTING_ENTITY_TYPE: Final = "INFRAPRISM_ENTITY_TYPE"
SETTING_ENTITY_ID: Final = "INFRAPRISM_ENTITY_ID"
SETTING_TAGS: Final = "INFRAPRISM_TAGS"
SETTING_BAGGAGE: Final = "INFRAPRISM_BAGGAGE"
SETTING_TRACE_KEY: Final = "INFRAPRISM_TRACE_KEY"
SETTING_SESSION_MODE: Final = "INFRAPRISM_SESSION_MODE"
SETTING_TRACE_MAX_CALLS: Final = "INFRAPRISM_TRACE_MAX_CALLS"
SETTING_TRACE_MAX_HOURS: Final = "INFRAPRISM_TRACE_MAX_HOURS"
SETTING_UNSAMPLED_EVENTS: Final = "INFRAPRISM_UNSAMPLED_EVENTS"
SETTING_STREAM_USAGE: Final = "INFRAPRISM_STREAM_USAGE"
SETTING_PRICES: Final = "INFRAPRISM_PRICES"
SETTING_COMPAT: Final = "INFRAPRISM_COMPAT"
SETTING_API_KEY: Final = "INFRAPRISM_API_KEY"
SETTING_HOST: Final = "INFRAPRISM_HOST"
SETTING_PORT: Final = "INFRAPRISM_PORT"
SETTING_GRPC_PORT: Final = "INFRAPRISM_GRPC_PORT"
SETTING_DATABASE: Final = "INFRAPRISM_DATABASE"
SETTING_TRACE_URL: Final = "INFRAPRISM_TRACE_URL"
SETTING_COLLECTOR: Final = "INFRAPRISM_COLLECTOR"
SETTING_WEBHOOK_SECRET: Final = "INFRAPRISM_WEBHOOK_SECRET"  # noqa: S105
SETTING_WEBHOOK_PRIVATE: Final = "INFRAPRISM_WEBHOOK_PRIVATE"
SETTING_BACKUPS: Final = "INFRAPRISM_BACKUPS"
SETTING_RETENTION: Final = "INFRAPRISM_RETENTION"
SETTING_LOG_FORMAT: Final = "INFRAPRISM_LOG_FORMAT"
